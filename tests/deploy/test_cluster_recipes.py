"""The launch files for clusters, as far as that can be told without a cluster."""

import subprocess
import sys
from pathlib import Path

import kubernetes_validate
import pytest
import yaml

DEPLOY = Path(__file__).parents[2] / "deploy"
SCRIPTS = sorted([*DEPLOY.rglob("*.sh"), *DEPLOY.rglob("*.sbatch")])


def test_the_job_for_kuberay_keeps_secrets_out_of_the_file_and_asks_for_a_token(root: Path) -> None:
    text = (root / "deploy" / "kuberay" / "rayjob.yaml").read_text()
    job, *vllm = yaml.safe_load_all(text)
    assert (job["apiVersion"], job["kind"]) == ("ray.io/v1", "RayJob")
    assert [part["kind"] for part in vllm] == ["Deployment", "Service"]
    cluster = job["spec"]["rayClusterSpec"]
    assert cluster["authOptions"] == {"mode": "token"}
    for group in (cluster["headGroupSpec"], *cluster["workerGroupSpecs"]):
        [container] = group["template"]["spec"]["containers"]
        assert container["envFrom"] == [{"secretRef": {"name": "alignbench"}}]
        assert "env" not in container


def test_kubernetes_knows_every_field_of_the_job_for_kuberay(root: Path) -> None:
    text = (root / "deploy" / "kuberay" / "rayjob.yaml").read_text()
    job, *vllm = yaml.safe_load_all(text)
    cluster = job["spec"]["rayClusterSpec"]
    groups = (cluster["headGroupSpec"], *cluster["workerGroupSpecs"])
    pods = [
        {"apiVersion": "v1", "kind": "PodTemplate", "metadata": {"name": "of-a-group"}} | group
        for group in ({"template": one["template"]} for one in groups)
    ]
    for resource in (*pods, *vllm):
        kubernetes_validate.validate(resource, "1.34", strict=True)


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.name)
def test_a_script_has_no_fault_that_shellcheck_knows(script: Path) -> None:
    shellcheck = Path(sys.executable).parent / "shellcheck"
    done = subprocess.run([shellcheck, script], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "")
