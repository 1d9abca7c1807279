"""Files beside the tables of a run: checkpoints, samples."""

from gradlab.errors import StoreError
from gradlab.store.faults import told
from gradlab.store.folder import Folder
from gradlab.store.names import decode_name, encode_name, nearest

FOLDER = "artifacts"


def write(folder: Folder, name: str, data: bytes) -> None:
    """Write an artifact, whole or not at all. Raises OSError, and ValueError for an unusable name."""
    folder.write(f"{FOLDER}/{encode_name(name)}", data)


def read(folder: Folder, name: str) -> bytes:
    """An artifact's bytes; raises StoreError naming those there are when it is not among them."""
    with told(f"read the artifact {name!r}", folder.address):
        try:
            return folder.read(f"{FOLDER}/{encode_name(name)}")
        except FileNotFoundError as error:
            known = names(folder)
            raise StoreError(
                f"{folder.address}: no artifact {name!r}; it has {', '.join(known) or 'none'}{nearest(name, known)}"
            ) from error


def remove(folder: Folder, name: str) -> None:
    """Remove an artifact; no error when there is none."""
    folder.remove(f"{FOLDER}/{encode_name(name)}")


def names(folder: Folder) -> list[str]:
    """Names of a run's artifacts, sorted."""
    return sorted(decode_name(entry.name) for entry in folder.entries(FOLDER) if not entry.is_folder)
