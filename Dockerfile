# The app in a container. For the CPU:   docker build -t vizcore .
# For NVIDIA's GPUs (CUDA 13):           docker build --build-arg TORCH=cu130 -t vizcore:cuda .
ARG PYTHON=3.11
FROM python:${PYTHON}-slim-bookworm AS packages
# Which build of torch: cpu, or cu130. uv knows where PyTorch keeps them.
ARG TORCH=cpu
RUN pip install --no-cache-dir "uv>=0.9,<1"
COPY requirements.txt requirements.lock /build/
# The lock as constraints: it pins what CUDA needs, too, and a CPU build must not install that.
RUN uv venv /venv \
 && uv pip install --no-cache --compile-bytecode --python /venv/bin/python --torch-backend "${TORCH}" \
    -r /build/requirements.txt -c /build/requirements.lock

FROM python:${PYTHON}-slim-bookworm
RUN groupadd --gid 10001 app \
 && useradd --uid 10001 --gid app --no-create-home --home-dir /nonexistent --shell /usr/sbin/nologin app \
 && install -d -o app -g app /weights /hall
COPY --from=packages /venv /venv
# Owned by root: the app cannot change its own code.
COPY app.py /app/
COPY .streamlit/config.toml /app/.streamlit/
COPY pages /app/pages
COPY ui /app/ui
COPY vizcore /app/vizcore
COPY deploy/check.py /app/deploy/
WORKDIR /app
# Without a greeting Streamlit does not ask a server outside for its public address. Downloaded weights go to /weights.
ENV PATH=/venv/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    MPLCONFIGDIR=/tmp/matplotlib \
    TORCH_HOME=/weights \
    STREAMLIT_LOGGER_HIDE_WELCOME_MESSAGE=true \
    STREAMLIT_SERVER_ADDRESS=0.0.0.0 \
    STREAMLIT_SERVER_HEADLESS=true \
    STREAMLIT_SERVER_PORT=8501
USER 10001:10001
EXPOSE 8501
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s --retries=3 \
  CMD ["python", "deploy/check.py"]
CMD ["streamlit", "run", "app.py"]
