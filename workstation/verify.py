"""``hoichan verify``: is everything we hold still what it was when we took it?"""

import argparse
from contextlib import closing

from workstation import audit
from workstation.commands.console import Console, settings_of
from workstation.consult.opinion import verify_opinions
from workstation.context import open_context

__all__ = ["verify"]


def verify(options: argparse.Namespace, console: Console) -> int:
    """Read every object and every row of the audit log; 0 when all is as it was written."""
    problems = 0
    with closing(open_context(settings_of(options))) as context:
        for problem in context.archive.verify():
            problems += 1
            console.say(f"Kho ảnh: {problem}", f"Archive: {problem}")
        if problems == 0:
            console.say("Kho ảnh: nguyên vẹn.", "Archive: intact.")
        spoilt = list(verify_opinions(context))
        for opinion_id in spoilt:
            console.say(
                f"Kết luận {opinion_id}: nội dung hoặc kết quả kèm theo không còn như khi ký.",
                f"Opinion {opinion_id}: its text or a result in it is not as it was signed.",
            )
        if not spoilt:
            console.say("Kết luận đã ký: nguyên vẹn.", "Signed opinions: intact.")
        broken = audit.verify(context)
        with context.database.read() as connection:
            rows, last_hash = audit.head(connection)
    problems += len(spoilt)
    if broken is None:
        # Noted outside this machine, the pair shows later that nothing before it was changed.
        console.say(
            f"Nhật ký: nguyên vẹn, {rows} dòng, dòng cuối {last_hash}.",
            f"Audit log: intact, {rows} rows, last row {last_hash}.",
        )
    else:
        problems += 1
        console.say(
            f"Nhật ký: hỏng từ dòng {broken.sequence}: {broken.reason}.",
            f"Audit log: broken at row {broken.sequence}: {broken.reason}.",
        )
    return 1 if problems else 0
