"""The launch files for clusters, as far as that can be told without a cluster."""

import subprocess
from pathlib import Path

import yaml


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


def test_bash_can_read_the_batch_script_of_slurm(root: Path) -> None:
    script = root / "deploy" / "slurm" / "caption.sbatch"
    done = subprocess.run(["bash", "-n", script], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
