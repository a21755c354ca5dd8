# MLflow's server with a driver for PostgreSQL, for compose.yaml.
FROM python:3.13-slim
RUN python -m venv /opt/mlflow && /opt/mlflow/bin/python -m pip install --no-cache-dir "mlflow==3.17.2" "psycopg2-binary==2.9.12" \
    && mkdir /artifacts && chown 10001:10001 /artifacts
ENV PATH=/opt/mlflow/bin:$PATH HOME=/tmp
USER 10001:10001
EXPOSE 5000
ENTRYPOINT ["mlflow", "server", "--host", "0.0.0.0", "--port", "5000", "--workers", "1", "--artifacts-destination", "/artifacts"]
