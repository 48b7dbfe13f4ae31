# Both images, for people with Docker or buildah: --target operator or --target signer, for linux/amd64 and linux/arm64.
# `make image` builds images of the same programs without a daemon, with the same bytes each time.
ARG RUST=1.95.0

FROM --platform=$BUILDPLATFORM docker.io/library/rust:${RUST}-slim-bookworm AS build
ARG ZIGBUILD=0.24.1
COPY release/zig.txt /zig.txt
RUN apt-get update && apt-get install --yes --no-install-recommends ca-certificates g++ make python3-pip \
    && pip install --break-system-packages --no-deps --require-hashes --only-binary=:all: --requirement /zig.txt \
    && cargo install --locked cargo-zigbuild@${ZIGBUILD}
WORKDIR /src
COPY . .
ARG TARGETARCH
RUN case "$TARGETARCH" in amd64) machine=x86_64 ;; arm64) machine=aarch64 ;; *) echo "TARGETARCH: found $TARGETARCH, expected amd64 or arm64" >&2; exit 1 ;; esac \
    && rustup target add $machine-unknown-linux-musl \
    && cargo zigbuild --locked --release --target $machine-unknown-linux-musl --package operator --package signer --bin operator --bin signer \
    && mkdir /out && cp target/$machine-unknown-linux-musl/release/operator target/$machine-unknown-linux-musl/release/signer /out

FROM scratch AS base
ARG VERSION=0.1.0
ARG REVISION=unknown
LABEL org.opencontainers.image.version=$VERSION \
      org.opencontainers.image.revision=$REVISION \
      org.opencontainers.image.licenses=Apache-2.0 \
      org.opencontainers.image.source=https://github.com/attocash/signer-operator
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/ca-certificates.crt
# `kubectl exec` then finds the program by its name.
ENV PATH=/
USER 65532:65532
WORKDIR /

FROM base AS operator
LABEL org.opencontainers.image.title=operator \
      org.opencontainers.image.description="Gives Atto voter nodes a signer: injects it into the Deployments that SignerBindings name"
COPY --from=build /out/operator /operator
ENTRYPOINT ["/operator"]

FROM base AS signer
LABEL org.opencontainers.image.title=signer \
      org.opencontainers.image.description="Signs for an Atto voter node with a key in Google Cloud KMS"
COPY --from=build /out/signer /signer
ENTRYPOINT ["/signer"]
