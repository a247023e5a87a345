"""The tools of wit/skill.wit: a class named as the interface, with a method for each function."""

from componentize_py_types import Err
from wit_world import exports


class Tools(exports.Tools):
    def shout(self, text: str, marks: int | None) -> str:
        if not text:
            # The tool's own error: a value of the type that the WIT says.
            raise Err("there is nothing to shout")
        return text.upper() + "!" * (1 if marks is None else marks)
