"""The tools of wit/skill.wit: a class with the name of the interface, and a method for each function."""

from componentize_py_types import Err
from wit_world import exports


class Tools(exports.Tools):
    def shout(self, text: str, marks: int | None) -> str:
        if not text:
            # The tool's own error: a value of the error type in the WIT.
            raise Err("the text is empty")
        return text.upper() + "!" * (1 if marks is None else marks)
