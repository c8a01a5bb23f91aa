"""Are all files there, unchanged, and is there nothing else? And are the shards complete?"""

from collections import defaultdict

from alignbench.release.verify.report import Findings, Rule
from alignbench.release_format.checksums import checksum, parse_checksums
from alignbench.release_format.folder import ReleaseFolder
from alignbench.release_format.layout import CHECKSUMS, DATA, VOTES, Shard, parse_shard


def check_files(folder: ReleaseFolder, findings: Findings) -> dict[str, str]:
    """Checks `SHA256SUMS` against what is there; returns the checksums that it lists."""
    text = folder.text(CHECKSUMS)
    listed = None if text is None else parse_checksums(text)
    if listed is None:
        problem = "is not there: the release was not finished" if text is None else "is malformed"
        findings.add(CHECKSUMS, Rule.CHECKSUMS, problem)
        return {}
    for path in sorted(listed.keys() - folder.sizes.keys()):
        findings.add(path, Rule.FILE_MISSING, "is listed in SHA256SUMS and is not there")
    for path in sorted(folder.sizes.keys() - listed.keys() - {CHECKSUMS}):
        findings.add(path, Rule.FILE_EXTRA, "is not listed in SHA256SUMS")
    for path in sorted(listed.keys() & folder.sizes.keys()):
        if _checksum(folder, path) != listed[path]:
            findings.add(path, Rule.FILE_CHANGED, "differs from its checksum in SHA256SUMS")
    return listed


def check_shards(folder: ReleaseFolder, findings: Findings) -> dict[str, Shard]:
    """Checks names and numbers of all Parquet files; returns those that are shards, by path."""
    shards: dict[str, Shard] = {}
    series: dict[tuple[str, str, str], dict[int, Shard]] = defaultdict(dict)
    for path in sorted(folder.sizes):
        if path.split("/")[0] not in (DATA, VOTES):
            continue
        shard = parse_shard(path)
        if shard is None:
            findings.add(path, Rule.SHARDS, "is not named <model>/<split>-<number>-of-<total>")
            continue
        shards[path] = shard
        series[shard.kind, shard.model, shard.split][shard.number] = shard
    for (kind, model, split), found in sorted(series.items()):
        totals = {shard.total for shard in found.values()}
        if totals != {len(found)} or set(found) != set(range(len(found))):
            findings.add(
                f"{kind}/{model}",
                Rule.SHARDS,
                f"the shards of {split} are not numbered 0 to {max(totals) - 1}, each once",
            )
    return shards


def _checksum(folder: ReleaseFolder, path: str) -> str:
    with folder.open(path) as file:
        return checksum(file)
