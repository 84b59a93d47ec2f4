# An image that grades: docker build --tag course --build-arg UID="$(id -u)" .
# The flags that a container needs for the sandbox are told in book/instructors/container.md.
FROM python:3.12-slim-bookworm

# bubblewrap and libseccomp make the sandbox; make is what the installation is told to
# the release of Debian is pinned; its packages then change for security only
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install --yes --no-install-recommends bubblewrap libseccomp2 make \
    && rm -rf /var/lib/apt/lists/*

# whoever grades: never root, for whom bubblewrap would need capabilities
ARG UID=1000
RUN useradd --create-home --uid "$UID" grader && install -d -o grader /course /term
USER $UID
WORKDIR /course

# the packages are a layer of their own, which an edit of the course leaves as it is;
# with --build-arg PIP_EXTRA_INDEX_URL=ADDRESS pip looks for builds of PyTorch there, too
ARG PIP_EXTRA_INDEX_URL
ARG PIP_NO_CACHE_DIR=1
COPY --chown=grader requirements.txt ./
RUN python -m venv .venv && .venv/bin/python -m pip install -r requirements.txt

COPY --chown=grader . .
RUN make install
# a course directory that was made elsewhere remembers where its course was there
ENV PATH=/course/.venv/bin:$PATH AUTOGRADER_COURSE=/course
ENTRYPOINT ["autograder"]
CMD ["doctor"]
