"""A bare asynchronous client with a fixed number of requests in flight.

python -m benchmarks.endpoint_client BASE_URL FOLDER CONCURRENCY
"""

import asyncio
import base64
import sys
from pathlib import Path

import httpx

from benchmarks.instruction import INSTRUCTION


async def main(base_url: str, folder: Path, concurrency: int) -> None:
    """Asks for a caption of each image; one that is refused is asked again after a moment."""
    free = asyncio.Semaphore(concurrency)
    limits = httpx.Limits(max_connections=concurrency)
    async with httpx.AsyncClient(timeout=120, limits=limits, trust_env=False) as client:

        async def one(file: Path) -> str:
            async with free:
                data = base64.b64encode(file.read_bytes()).decode()
                image = {"url": f"data:image/jpeg;base64,{data}"}
                content = [
                    {"type": "text", "text": INSTRUCTION},
                    {"type": "image_url", "image_url": image},
                ]
                body = {"model": "tiny", "messages": [{"role": "user", "content": content}]}
                while True:
                    answer = await client.post(f"{base_url}/chat/completions", json=body)
                    if answer.status_code != 429:
                        break
                    await asyncio.sleep(0.1)
                answer.raise_for_status()
                return str(answer.json()["choices"][0]["message"]["content"])

        texts = await asyncio.gather(*map(one, sorted(folder.iterdir())))
    if not all(texts):
        raise SystemExit("There were empty captions.")


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], Path(sys.argv[2]), int(sys.argv[3])))
