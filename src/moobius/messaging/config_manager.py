"""`ConfigManager`: settings from a file, checked, as attributes, and as a dictionary that travels.

    config = ConfigManager()
    config.load_config_and_spec("config/client.ini")
    config.server_port                   # SERVER.port
    config.set("SERVER", "port", 25001, write=True)

The rules are in specification 2.7. `ini` knows the library underneath and `annotated` the form in
which settings travel.
"""

from __future__ import annotations

from collections.abc import Mapping
from os import PathLike
from pathlib import Path
from typing import Any

from loguru import logger

from moobius.errors import ConfigError, ValidationError
from moobius.messaging import annotated, ini
from moobius.messaging.ini import Section

AnyPath = str | PathLike[str]


class ConfigManager:
    """Settings, and the specification they are checked against.

    A setting is also an attribute, named like its path: in lower case, with `_` between the
    sections and in the place of blanks, as in `config.server_host`. A name that there is no
    setting for reads as `None`.

    Attributes:
        config: The settings themselves, a section object of `configobj`.
    """

    config: Section = None
    _names: dict[str, tuple[str, ...]] | None = None
    _base_spec: Path | None = None

    def __init__(self, config: Section | None = None, *, base_spec: Path | None = None) -> None:
        """Begin with these settings, or with none.

        Args:
            config: A section object of `configobj`.
            base_spec: A specification for whatever the one beside the file leaves open, and for
                files that have none beside them.
        """
        self._base_spec = base_spec
        self.set_config(ini.empty() if config is None else config)

    # One setting.

    def get(self, section: str, option: str) -> Any:
        """Return a setting; the empty section name means: outside of all sections.

        Raises:
            KeyError: If there is none of that name.
        """
        return self._section(section)[option]

    def set(self, section: str, option: str, value: Any, write: bool = False) -> None:
        """Change a setting; it is not checked before the next `validate_config`.

        Args:
            section: Its section, which must be there; empty for outside of all sections.
            option: Its name.
            value: Its value.
            write: Whether to write the file, too.

        Raises:
            KeyError: If there is no such section.
        """
        self._section(section)[option] = value
        self._names = None
        if write:
            self.write()

    def get_chain(self, *keys: str) -> Any:
        """Return what is at the end of a path of section names.

        Raises:
            KeyError: If it leads nowhere.
        """
        found = self.config
        for key in keys:
            found = found[key]
        return found

    def set_chain(self, value: Any, *keys: str) -> None:
        """Change the setting at the end of a path; sections that are missing are made."""
        *sections, option = keys
        found = self.config
        for key in sections:
            found = found.setdefault(key, {})
        found[option] = value
        self._names = None

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        path = self._paths().get(name)
        if path is None:
            logger.debug("There is no setting {!r}; it reads as None", name)
            return None
        return self.get_chain(*path)

    def __setattr__(self, name: str, value: Any) -> None:
        is_own = hasattr(type(self), name) or name in self.__dict__
        path = None if is_own else self._paths().get(name)
        if path is None:
            object.__setattr__(self, name, value)
        else:
            self.set_chain(value, *path)

    def __deepcopy__(self, memo: dict[int, Any]) -> ConfigManager:
        return type(self)(ini.duplicate(self.config), base_spec=self._base_spec)

    # All of them.

    @property
    def validated(self) -> bool:
        """Whether there is a specification."""
        return self.config.configspec is not None

    def set_config(self, config: Section) -> None:
        """Take over other settings; unchecked."""
        self.config = config
        self._names = None

    def validate_config(self, config: Section | None = None, copy_defaults: bool = False) -> None:
        """Check settings against their specification and take them over.

        Args:
            config: The settings; the ones there are when left out.
            copy_defaults: Whether defaults are written to the file, too.

        Raises:
            ValidationError: If some are refused; the ones there are stay as they are.
        """
        checked = ini.duplicate(self.config) if config is None else config
        if checked.configspec is None:
            raise ConfigError("settings without a specification cannot be checked; load one first")
        if errors := ini.check(checked, copy_defaults=copy_defaults):
            raise ValidationError(checked, errors)
        self.set_config(checked)

    def full_dict(self, include_defaults: bool = False) -> dict[str, Any]:
        """Return everything, with comments, as a dictionary that JSON can hold.

        Args:
            include_defaults: Whether to say for each setting what its default is, and whether it
                is `unchanged`.
        """
        return annotated.annotate(self.config, include_defaults=include_defaults)

    def load_from_dict(
        self, d: Mapping[str, Any], configspec: Mapping[str, Any] | AnyPath | None = None
    ) -> None:
        """Take over the settings of a dictionary, annotated or plain.

        Args:
            d: As `full_dict` returns it, or with plain values.
            configspec: A specification to check against: as a dictionary, as a file, or as the
                settings file it belongs to.

        Raises:
            ValidationError: If some are refused.
            ValueError: If `d` is no such dictionary.
        """
        if configspec is None:
            self.set_config(annotated.read(d))
        elif isinstance(configspec, Mapping):
            self.validate_config(annotated.read(d, ini.parse_spec(configspec)))
        else:
            path = Path(configspec)
            is_spec = path.name.startswith("configspec_")
            spec = ini.read_spec(path) if is_spec else self._spec_of(path)
            self.validate_config(annotated.read(d, spec))

    def merge(self, config: ConfigManager, validate: bool = True) -> None:
        """Put the settings of another manager over the own ones.

        Raises:
            ValidationError: If the result is refused; nothing has changed then.
        """
        merged = ini.duplicate(self.config)
        ini.overlay(merged, config.config)
        if validate and self.validated:
            self.validate_config(merged)
        else:
            self.set_config(merged)

    # Files.

    @staticmethod
    def config_exists(path: AnyPath) -> bool:
        """Tell whether this is a settings file: a file that ends in `.ini`."""
        return Path(path).suffix == ".ini" and Path(path).is_file()

    def load_from_file(self, path: AnyPath) -> None:
        """Load what there is: a settings file, its specification, or both.

        Raises:
            ValueError: If there is neither.
        """
        has_file = self.config_exists(path)
        has_spec = self._base_spec is not None or ini.spec_path_of(Path(path)).is_file()
        if has_spec:
            (self.load_config_and_spec if has_file else self.load_only_spec)(path)
        elif has_file:
            self.load_only_config(path)
        else:
            raise ValueError(f"there is neither a settings file {path} nor a specification for it")

    def load_config_and_spec(self, path: AnyPath) -> None:
        """Load a settings file and check it; a file that is missing is made, with all defaults.

        Raises:
            OSError: If there is no specification.
            SyntaxError: If one of the two cannot be parsed.
            ValidationError: If a setting is refused.
        """
        file = Path(path)
        spec = self._spec_of(file)
        _generate(file, spec)
        self.validate_config(ini.read(file, spec))

    def load_only_config(self, path: AnyPath) -> None:
        """Load a settings file without checking it; all values are texts, or lists of texts."""
        self.set_config(ini.read(Path(path)))

    def load_only_spec(self, path: AnyPath, generate_filename: bool = True) -> None:
        """Take over the defaults of a specification.

        Args:
            path: The settings file it belongs to; or the specification itself, see below.
            generate_filename: Whether `path` is the settings file, which `write` will write.
        """
        file = Path(path)
        settings = ini.empty(self._spec_of(file) if generate_filename else ini.read_spec(file))
        settings.filename = str(file) if generate_filename else None
        self.validate_config(settings)

    @classmethod
    def generate_default_config(cls, cfg_path: AnyPath) -> bool:
        """Write a settings file with all defaults and the specification's comments.

        Returns:
            Whether it was written: a file that is there stays as it is.
        """
        file = Path(cfg_path)
        return _generate(file, ini.read_spec(ini.spec_path_of(file)))

    def write(self) -> None:
        """Write the file that the settings were loaded from, in one step.

        Raises:
            ConfigError: If they come from no file.
            OSError: If it cannot be written; the file is as it was.
        """
        if not self.config.filename:
            raise ConfigError("these settings come from no file; there is none to write")
        ini.write(self.config, Path(self.config.filename))

    def _section(self, name: str) -> Section:
        return self.config[name] if name else self.config

    def _paths(self) -> dict[str, tuple[str, ...]]:
        """Return attribute name -> path of the setting; a name belongs to what is specified."""
        if self._names is None:
            spec = self.config.configspec
            specified = set() if spec is None else set(ini.options(spec))
            self._names = {}
            for path in sorted(ini.options(self.config), key=lambda path: path not in specified):
                name = "_".join(path).replace(" ", "_").lower()
                self._names.setdefault(name, path)
        return self._names

    def _spec_of(self, file: Path) -> Section:
        """Read the specification of a settings file; what it leaves open, ours says."""
        beside = ini.spec_path_of(file)
        if self._base_spec is None:
            return ini.read_spec(beside)
        spec = ini.read_spec(self._base_spec)
        if beside.is_file():
            ini.overlay(spec, ini.read_spec(beside))
        return spec


def _generate(file: Path, spec: Section) -> bool:
    if file.exists():
        return False
    settings = ini.empty(spec)
    if errors := ini.check(settings, copy_defaults=True):
        raise ValidationError(settings, errors)
    file.parent.mkdir(parents=True, exist_ok=True)
    ini.write(settings, file)
    logger.info("Wrote the default settings to {}", file)
    return True
