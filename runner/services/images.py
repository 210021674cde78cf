"""The images that local builds have made, by tag while they are built, by digest once they are pushed."""

from __future__ import annotations

import hashlib
import json
import os
import threading
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from runner.services.dockerfile import Built

MEDIA_TYPE = "application/vnd.oci.image.manifest.v1+json"


@dataclass(frozen=True)
class Image:
    """What a container is started from."""

    built: Built
    manifest: str
    """Its JSON, whose SHA-256 is the image's digest: it holds the configuration and a digest of all files."""


@dataclass
class Images:
    """All images of a run, one folder for each digest. Safe to be asked from any thread."""

    folder: Path
    _by_tag: dict[str, Image] = field(default_factory=dict)
    _by_digest: dict[str, Image] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def tag(self, name: str, built: Built) -> None:
        """Keep what was built under a name."""
        with self._lock:
            self._by_tag[name] = Image(built, manifest(built))

    def tagged(self, name: str) -> Image | None:
        """Return what was built under a name."""
        return self._by_tag.get(name)

    def push(self, name: str, digest: str) -> None:
        """Keep an image under the digest that the registry gave it; its files leave the build's folder."""
        with self._lock:
            image = self._by_tag.pop(name)
            if digest not in self._by_digest:
                self.folder.mkdir(parents=True, exist_ok=True)
                files = image.built.files.rename(self.folder / digest.partition(":")[2])
                self._by_digest[digest] = replace(image, built=replace(image.built, files=files))

    def pull(self, uri: str) -> Image | None:
        """Return the image of `repository@digest`; None where no registry here has it."""
        return self._by_digest.get(uri.rpartition("@")[2])


def manifest(built: Built) -> str:
    """Return the manifest of an image: two that differ in anything that is run have other bytes."""
    config = {
        "workdir": built.workdir,
        "env": dict(built.env),
        "argv": list(built.argv),
        "skipped": list(built.skipped),
    }
    document = {
        "schemaVersion": 2,
        "mediaType": MEDIA_TYPE,
        "config": {"digest": f"sha256:{hashlib.sha256(json.dumps(config).encode()).hexdigest()}"},
        "layers": [{"digest": f"sha256:{tree_digest(built.files)}"}],
    }
    return json.dumps(document, sort_keys=True)


def tree_digest(root: Path) -> str:
    """Return the SHA-256 over the names, kinds and contents of all files below a folder."""
    total = hashlib.sha256()
    for folder, names, files in os.walk(root):
        names.sort()
        for name in sorted(files):
            path = Path(folder, name)
            total.update(str(path.relative_to(root)).encode("utf-8", "surrogateescape") + b"\0")
            if path.is_symlink():
                total.update(b"link " + os.fsencode(path.readlink()))
            elif path.is_file():
                total.update(b"executable" if os.access(path, os.X_OK) else b"file")
                with path.open("rb") as file:
                    total.update(hashlib.file_digest(file, "sha256").digest())
    return total.hexdigest()
