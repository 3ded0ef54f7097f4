"""Presets: settings that a study may start from and override."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

PRESETS: Mapping[str, Mapping[str, Any]] = MappingProxyType(
    {
        # Made to end within three minutes on two cores, data included.
        "quickstart": {
            "name": "quickstart",
            "data": {"source": "simulated_eeg"},
            "trunk": {"name": "seizure_cnn", "width": 0.25},
            "space": {"learning_rate": {"low": 3e-4, "high": 1e-2, "log": True}},
            "training": {"epochs": 15, "patience": 5},
            "asha": {"grace": 5},
            "budget": {"trials": 16},
        },
        # Recordings of the (32, 9, channels) form: class weights, a slow rate, false alarms that matter.
        "seizure": {
            "name": "seizure",
            "trunk": {"name": "seizure_cnn"},
            "space": {
                "learning_rate": {"low": 3e-5, "high": 3e-3, "log": True},
                "batch_size": [32, 64, 128],
            },
            "training": {"epochs": 40, "patience": 10},
            "budget": {"trials": 64},
        },
        # Folders of photos.
        "image": {
            "name": "image",
            "trunk": {"name": "image_cnn"},
            "objective": {"metric": "balanced_accuracy"},
            "threshold": {"policy": "max_balanced_accuracy"},
            "space": {"learning_rate": {"low": 1e-4, "high": 3e-3, "log": True}, "class_weight": ["none"]},
            "training": {"epochs": 30, "patience": 8, "min_delta": 0.001},
            "budget": {"trials": 32},
        },
    }
)
