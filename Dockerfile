# The wheel is built from this checkout, and runs without what built it, as a user who owns nothing.

FROM python:3.13-slim AS build
WORKDIR /src
RUN pip install --no-cache-dir build
COPY pyproject.toml README.md LICENSE schema.graphql ./
COPY db db
COPY convoy_graphql convoy_graphql
RUN python -m build --wheel --outdir /wheels

FROM python:3.13-slim
COPY --from=build /wheels /wheels
RUN pip install --no-cache-dir "$(ls /wheels/*.whl)[otel,redis]" && rm -r /wheels
RUN useradd --system --uid 10001 --no-create-home convoy
USER 10001
EXPOSE 8000
# Whether the process answers. Whether it should get requests is what /readyz says, to whoever sends them.
HEALTHCHECK --interval=10s --timeout=3s --start-period=20s \
    CMD ["python", "-c", "from urllib.request import urlopen; urlopen('http://127.0.0.1:8000/livez', timeout=2)"]
ENTRYPOINT ["convoy-graphql"]
CMD ["serve", "--host", "0.0.0.0"]
