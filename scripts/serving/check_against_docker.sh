#!/bin/bash
# Starts the real TensorFlow Serving in a container, holds it to the contract
# that the tests hold the stand-in to, and reports.
#
#   scripts/serving/check_against_docker.sh [EXPORT_DIR]
#
# Needs Docker with `docker compose` and the Python environment of the tests
# (pip install -e '.[test]'). PYTHON names another python.

set -euo pipefail
unset CDPATH  # `cd` would print where it went.
repository=$(cd "$(dirname "$0")/../.." && pwd)
python=${PYTHON:-python}
export MNIST_SUM_EXPORT_DIR
# Before the folder changes: it may be given from the caller's.
MNIST_SUM_EXPORT_DIR=$(cd "${1:-$repository/exported_models/mnist_sum}" && pwd)
cd "$repository"
compose=(docker compose -p mnist_sum_check -f scripts/serving/docker-compose.yml)

finish() {
  status=$?
  if [ $status -ne 0 ]; then "${compose[@]}" logs --tail=50 || true; fi
  "${compose[@]}" down --timeout 10 || true
  if [ $status -eq 0 ]; then echo "PASSED"; else echo "FAILED"; fi
  exit $status
}
trap finish EXIT

"${compose[@]}" up --wait --wait-timeout 120
"${compose[@]}" exec -T model-server tensorflow_model_server --version
echo "--- warm-up"
"${compose[@]}" logs | grep -i warmup

export MNIST_SUM_MODEL=$MNIST_SUM_EXPORT_DIR
export MNIST_SUM_GRPC=grpc://localhost:8500 MNIST_SUM_REST=http://localhost:8501
"$python" -m pytest -q tests/serving_contract_test.py

for server in "$MNIST_SUM_GRPC" "$MNIST_SUM_REST"; do
  query=("$python" scripts/query_server.py "--server=$server")
  echo "--- $server"
  "${query[@]}" --status
  "${query[@]}" exported_models/samples exported_models/photographs
  "${query[@]}" exported_models/samples --load_seconds=10 --concurrency=8 \
      --signature=serving_default
done
echo "--- 200 requests at once for a minute, then one more"
"$python" scripts/query_server.py exported_models/samples \
    "--server=$MNIST_SUM_GRPC" --load_seconds=60 --concurrency=200
"$python" scripts/query_server.py exported_models/samples
curl -fsS "$MNIST_SUM_REST/monitoring/prometheus/metrics" | grep -c request_count
docker stats --no-stream --format 'memory {{.MemUsage}}' \
    "$("${compose[@]}" ps -q model-server)"
