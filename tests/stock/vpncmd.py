"""Speaking to a stock program through `vpncmd`: a batch of commands in, their answers out.

One start of vpncmd costs 0.2 s however many commands it carries, so commands come in batches.
"""

import re
import subprocess
from collections.abc import Callable, Sequence

DONE = "The command completed successfully."
NOT_CONNECTED = 37  # error code: the account (client) or cascade (server) is not connected

Record = dict[str, str]


class VpncmdError(AssertionError):
    """A command was refused; `code` is the number vpncmd gave, 0 if it gave none."""

    def __init__(self, command: str, answer: str) -> None:
        number = re.search(r"\(Error code: (\d+)\)", answer)
        self.code = int(number[1]) if number else 0
        super().__init__(f"vpncmd: {command}\n{answer}")


def batch(
    run: Callable[..., str], target: Sequence[str], script: str, commands: Sequence[str]
) -> list[str]:
    """Carry out `commands`; return the text each one printed.

    `run` runs a command line and returns its output; `target` is what vpncmd wants to know
    about the program to speak to; `script` is the path of a file this may write.
    Raises VpncmdError for the first command that did not succeed, also one for which
    vpncmd had a question; the commands behind it have been carried out all the same.
    """
    with open(script, "w", encoding="utf-8") as file:
        file.write("\n".join(commands) + "\n")
    try:
        printed = run("vpncmd", *target, f"/IN:{script}", check=False)
    except subprocess.TimeoutExpired as error:
        raise AssertionError(f"vpncmd hangs: {commands}\n{error.output}") from error
    _, *parts = re.split(r"^VPN (?:Client|Server)(?:/\S+)?>", printed, flags=re.MULTILINE)
    answers = []
    for index, command in enumerate(commands):
        echo, _, answer = parts[index].partition("\n") if index < len(parts) else ("", "", printed)
        if echo.strip() != command or DONE not in answer:
            raise VpncmdError(command, answer)
        answers.append(answer.partition("\n")[2])  # the first line repeats the command's title
    return answers


def records(answer: str) -> list[Record]:
    """Read a table vpncmd printed: one record, or several with a rule between them."""
    found: list[Record] = []
    for line in answer.splitlines():
        if re.fullmatch(r"-+\+-+", line):
            found.append({})
        elif found and "|" in line:
            key, _, value = line.partition("|")
            found[-1][key.strip()] = value.strip()
    return [record for record in found if record]


def quoted(word: str) -> str:
    """`word` as one argument of a command."""
    assert '"' not in word, f"vpncmd cannot carry a quotation mark: {word}"
    return f'"{word}"' if " " in word else word


def yes(flag: bool) -> str:
    return "yes" if flag else "no"
