"""What a refused call says."""

import pytest

from spaces.errors import RunError


def refusal(call, *args) -> str:
    with pytest.raises(RunError) as error:
        call(*args)
    message = str(error.value)
    assert "\n" not in message
    assert "/" not in message
    return message
