"""The deployment files name what exists and agree with the client."""

import os
import pathlib
import re
import shutil
import subprocess

import pytest
from google.protobuf import text_format

from mnist_sum_tf.runtimes.saved_model import version_folders
from mnist_sum_tf.serving.client import BATCH_SIZE, Server

REPOSITORY = pathlib.Path(__file__).resolve().parents[1]
SERVING = REPOSITORY / "scripts" / "serving"
IMAGE = re.compile(r"tensorflow/serving:(\d+\.\d+\.\d+)")


def read(name: str) -> str:
    return (SERVING / name).read_text()


def test_the_model_config_is_one():
    model_server_config_pb2 = pytest.importorskip(
        "tensorflow_serving.config.model_server_config_pb2"
    )
    parsed = text_format.Parse(
        read("models.config"), model_server_config_pb2.ModelServerConfig()
    )
    (config,) = parsed.model_config_list.config
    assert config.name == Server("http://host").model
    assert config.base_path == f"/models/{config.name}"
    assert config.model_platform == "tensorflow"
    assert config.model_version_policy.latest.num_versions == 2
    *_, newest = version_folders(SERVING.parents[1] / "exported_models" / config.name)
    assert dict(config.version_labels) == {"stable": int(newest.name)}


def test_one_version_of_the_server_everywhere():
    found = {
        name: set(IMAGE.findall(read(name)))
        for name in ("docker-compose.yml", "kubernetes.yaml")
    }
    (version,) = found["docker-compose.yml"]
    assert found["kubernetes.yaml"] == {version}


@pytest.mark.parametrize(
    "name",
    ["docker-compose.yml", "docker-compose.batching.yml", "kubernetes.yaml"],
)
def test_flags_name_files_that_exist(name):
    files = re.findall(r"--\w+=/config/(\S+)", read(name))
    assert "models.config" in files and "monitoring.config" in files
    for file in files:
        assert (SERVING / file).is_file()


def test_training_and_serving_fit_into_one_namespace():
    """And the pods of the job find each other."""
    job = (REPOSITORY / "scripts" / "training_job.yaml").read_text()
    names = {
        kind: set(re.findall(rf"kind: {kind}\nmetadata:\s*{{?name: ([\w-]+)", text))
        for kind, text in (("Service", read("kubernetes.yaml")), ("Job", job))
    }
    (service,) = re.findall(r"kind: Service\nmetadata: {name: ([\w-]+)}", job)
    assert names == {"Service": {"mnist-sum"}, "Job": {"mnist-sum-training"}}
    assert service not in names["Service"]
    (subdomain,) = re.findall(r"subdomain: ([\w-]+)", job)
    assert subdomain == service
    hosts = re.findall(r'"([\w.-]+):2222"', job)
    (job_name,) = names["Job"]
    assert hosts == [f"{job_name}-{index}.{service}" for index in range(2)]


def test_the_readme_makes_what_the_deployment_mounts():
    text = re.sub(r"\\\n\s*", "", (SERVING / "README.md").read_text())
    ((name, files),) = re.findall(r"^kubectl create configmap (\S+) (.*)$", text, re.M)
    kubernetes = read("kubernetes.yaml")
    assert f"configMap: {{name: {name}}}" in kubernetes
    made = re.findall(r"--from-file=scripts/serving/(\S+)", files)
    assert made == re.findall(r"--\w+=/config/(\S+)", kubernetes)
    assert f"kubectl apply -f {SERVING.relative_to(REPOSITORY)}/kubernetes.yaml" in text


def test_containers_are_confined():
    compose, kubernetes = read("docker-compose.yml"), read("kubernetes.yaml")
    for line in (
        "read_only: true",
        'user: "65534:65534"',
        "cap_drop: [ALL]",
        "mem_limit: ",
        "cpus: ",
        "pids_limit: ",
        "healthcheck:",
        "/models/mnist_sum:ro",
    ):
        assert line in compose
    for line in (
        "readOnlyRootFilesystem: true",
        "runAsNonRoot: true",
        "capabilities: {drop: [ALL]}",
        "limits: ",
        "readinessProbe:",
        "mountPath: /models, readOnly: true",
    ):
        assert line in kubernetes


def flags_of(name: str) -> set[str]:
    return set(re.findall(r"^ +- (--.*)", read(name), re.M))


def test_kubernetes_starts_what_compose_starts():
    flags = flags_of("docker-compose.yml")
    assert flags_of("kubernetes.yaml") == flags
    assert {"--max_num_load_retries=1", "--load_retry_interval_micros=5000000"} < flags


@pytest.mark.parametrize(
    ("name", "limit"),
    [
        ("docker-compose.yml", r"cpus: (\d+)"),
        ("kubernetes.yaml", r'limits: {cpu: "(\d+)"'),
        ("../../README.md", r"--cpus (\d+)"),
    ],
)
def test_pools_hold_a_thread_for_each_cpu_of_the_limit(name, limit):
    """By default, one for each of the host."""
    text = read(name)
    (cpus,) = re.findall(limit, text)
    pools = dict(re.findall(r"--tensorflow_(\w+)_op_parallelism=(\d+)", text))
    assert pools == {"intra": cpus, "inter": cpus}


def test_joining_requests_changes_nothing_else():
    plain = flags_of("docker-compose.yml")
    joined = flags_of("docker-compose.batching.yml")
    assert plain - joined == {"--rest_api_num_threads=16"}
    assert joined - plain == {
        "--rest_api_num_threads=64",
        "--enable_batching",
        "--batching_parameters_file=/config/batching.config",
    }


def test_batches_are_as_large_as_the_clients():
    values = dict(
        re.findall(r"^(\w+) \{ value: (\w+) \}", read("batching.config"), re.M)
    )
    assert int(values["max_batch_size"]) == BATCH_SIZE
    assert int(values["max_execution_batch_size"]) == BATCH_SIZE
    assert values["enable_large_batch_splitting"] == "true"


def test_the_check_is_a_script():
    bash = shutil.which("bash")
    if bash is None:
        pytest.skip("there is no bash")
    path = SERVING / "check_against_docker.sh"
    subprocess.run([bash, "-n", path], check=True)
    assert path.stat().st_mode & 0o111


def test_the_check_takes_a_folder_of_the_callers(tmp_path):
    """Docker wants its full path."""
    bash = shutil.which("bash")
    if bash is None:
        pytest.skip("there is no bash")
    docker = tmp_path / "docker"
    docker.write_text(
        f'#!/bin/sh\necho "$MNIST_SUM_EXPORT_DIR" >> "{tmp_path}/asked"\nexit 1\n'
    )
    docker.chmod(0o755)
    (tmp_path / "my models").mkdir()
    result = subprocess.run(
        [bash, SERVING / "check_against_docker.sh", "my models"],
        cwd=tmp_path,
        env={"PATH": f"{tmp_path}:{os.environ['PATH']}"},
        capture_output=True,
    )
    assert result.returncode == 1
    asked = set((tmp_path / "asked").read_text().splitlines())
    assert asked == {f"{tmp_path.resolve()}/my models"}
