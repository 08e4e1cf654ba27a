"""A copy of the repository that may be broken, with a target folder of its own.

Not what is broken in it, nor who asks. The invariant: after `refresh` and after `restore` a file of the copy is the
repository's; what was equal already keeps its time, and so what Cargo built of it.
"""

import os
import pathlib
import re
import shutil
import subprocess

ROOT = pathlib.Path(__file__).resolve().parents[2]
# AWS's adapters have tests of their own; without them what the other tests stand on is built in half the time.
WITHOUT_AWS = "sorl-aws|aws-[a-z-]+"


class Tree:
    """The copy below a scratch folder, and what is run in it. The tests' package does without some dependencies."""

    def __init__(self, folder, without=WITHOUT_AWS):
        self.folder = folder / "tree"
        self.not_needed = re.compile(rf"^({without})\b.*\n", re.MULTILINE)
        self.environment = os.environ | {
            "CARGO_TARGET_DIR": str(folder / "target"),
            # Incremental, and fast enough for the simulation: a turn takes seconds, README.md.
            "CARGO_PROFILE_DEV_OPT_LEVEL": "1",
            "CARGO_PROFILE_DEV_DEBUG": "0",
            "CARGO_INCREMENTAL": "1",
            "CARGO_TERM_COLOR": "never",
            "RUST_BACKTRACE": "0",
            # So that patches are applied here, and not to the repository around.
            "GIT_CEILING_DIRECTORIES": str(folder),
        }

    def refresh(self, but=None):
        """Makes the copy equal to the repository, but for what is below `but`; what is equal already keeps its time."""
        listed = subprocess.run(
            ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
            cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True,
        )
        kept = {name for name in listed.stdout.split("\0") if name and (ROOT / name).is_file()}
        for path in [path for path in self.folder.rglob("*") if path.is_file()]:
            if str(path.relative_to(self.folder)) not in kept:
                path.unlink()
        for name in sorted(kept):
            if not (but and name.startswith(but) and (self.folder / name).exists()):
                self.restore(name)

    def restore(self, name):
        content, copy = (ROOT / name).read_bytes(), self.folder / name
        if name == "tests/Cargo.toml":
            content = self.not_needed.sub("", content.decode()).encode()
        if name == "tests/handlers/main.rs":
            # It tests what the Lambdas tell, by AWS's adapters.
            content = content.replace(b"mod metrics;\n", b"")
        if not copy.exists() or copy.read_bytes() != content:
            copy.parent.mkdir(parents=True, exist_ok=True)
            copy.write_bytes(content)
            shutil.copymode(ROOT / name, copy)

    def run(self, command, seconds, folder=None, **environment):
        """What came of the command, or nothing if it took longer than that."""
        process = subprocess.Popen(
            command, cwd=folder or self.folder, env=self.environment | environment, stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True,
        )
        try:
            stdout, stderr = process.communicate(timeout=seconds)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, 9)
            process.communicate()
            return None
        return subprocess.CompletedProcess(command, process.returncode, stdout, stderr)
