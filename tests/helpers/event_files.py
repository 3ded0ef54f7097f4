"""TensorBoard's event files, read back."""

import struct
from pathlib import Path

from tensorboardX.proto.event_pb2 import Event
from tensorboardX.proto.plugin_hparams_pb2 import HParamsPluginData


def events(path: Path) -> list[Event]:
    """The events of a file: of each a length of 8 bytes, its checksum, the event, its checksum."""
    found, content = [], path.read_bytes()
    while content:
        (length,) = struct.unpack("<Q", content[:8])
        found.append(Event.FromString(content[12 : 12 + length]))
        content = content[16 + length :]
    return found


def scalars(path: Path) -> dict[str, list[tuple[int, float]]]:
    """Of each scalar its steps and values, in the order of the file."""
    found: dict[str, list[tuple[int, float]]] = {}
    for event in events(path):
        for value in event.summary.value:
            if not value.tag.startswith("_hparams_/"):
                found.setdefault(value.tag, []).append((event.step, value.simple_value))
    return found


def hparams(path: Path) -> dict[str, HParamsPluginData]:
    """What the HParams plugin reads, by the last part of its tag."""
    return {
        value.tag.removeprefix("_hparams_/"): HParamsPluginData.FromString(value.metadata.plugin_data.content)
        for event in events(path)
        for value in event.summary.value
        if value.metadata.plugin_data.plugin_name == "hparams"
    }
