#!/bin/sh
# Registers the deployments of prefect.yaml and serves them. Run again, it updates them.
set -eu

pool=alignbench

# The second worker to start finds the pool made; only a pool that is neither made nor there fails.
prefect --no-prompt work-pool create "$pool" --type process ||
    prefect --no-prompt work-pool inspect "$pool" >/dev/null

prefect --no-prompt deploy --all

# PREFECT_WORKER_WEBSERVER_PORT answers the container's health check.
exec prefect worker start --pool "$pool" --type process --with-healthcheck
