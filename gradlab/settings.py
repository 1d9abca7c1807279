"""The base of everything that a study file can set: frozen, and closed to unknown keys."""

from pydantic import BaseModel, ConfigDict


class Settings(BaseModel):
    """A named group of settings. Subclasses are values: equal when their fields are, and never changed."""

    model_config = ConfigDict(frozen=True, extra="forbid", validate_default=True, use_attribute_docstrings=True)
