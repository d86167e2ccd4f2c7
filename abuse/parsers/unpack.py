"""Mails packed into a mail: Outlook's winmail.dat, and messages in archives. What is inside joins the mail's tree."""

from __future__ import annotations

from . import archives, mime, tnef
from .header import Headers
from .message import Message, TextPart
from .mime import Part

_HEAD = 300
_TNEF_TYPES = ("application/ms-tnef", "application/vnd.ms-tnef")
_MESSAGE_NAMES = (".eml", ".mime", ".msg.txt")


def unpack(message: Message) -> None:
    """Add what is packed to the parts, files, texts and inner messages of `message`, within its limits.

    Archives that are not unpacked at all are named in the defects. Never raises on content.
    """
    for part in list(message.files):
        if part.children:
            continue
        head, _ = part.content(_HEAD)
        if head.startswith(tnef.SIGNATURE) or (part.content_type in _TNEF_TYPES and part.size):
            _unpack_tnef(message, part)
        elif archives.kind_of(head) is not None:
            _unpack_messages(message, part)
        elif (kind := archives.unread_kind(head)) is not None:
            name = part.filename[:100] or f"part {part.path}"
            message.say(f"Attachment {name!r} is a {kind} archive, which is not unpacked.")


def _unpack_tnef(message: Message, part: Part) -> None:
    if part.size > 2 * message.limits.max_attachment_bytes:
        message.say("A winmail.dat file is too large to be opened.")
        return
    data, _ = part.content()
    try:
        content = tnef.read(data)
    except tnef.TNEFError as error:
        message.say(f"A winmail.dat file is not opened: {error}.")
        return
    for sentence in content.defects:
        message.say(sentence)
    for number, file in enumerate(content.files, 1):
        leaf = _leaf(f"{part.path}.{number}", file.content_type, file.name, file.content)
        part.children.append(leaf)
        message.files.append(leaf)
    if content.text.strip() and not message.body.strip():
        text = content.text[: message.text_left].replace("\r\n", "\n").replace("\r", "\n")
        message.text_left -= len(text)
        message.texts.append(TextPart(part.path, text))


def _unpack_messages(message: Message, part: Part) -> None:
    """The messages in an archive. They hang below the root, so that the archive's other files are read as ever."""
    limits = message.limits
    if part.size > 2 * limits.max_attachment_bytes or not message.root.children:
        return
    is_packed_message = any(ending in part.filename.lower() for ending in _MESSAGE_NAMES)

    def wanted(name: str) -> bool:
        return name.lower().endswith(_MESSAGE_NAMES) or (not name and is_packed_message)

    content, _ = part.content()
    for number, member in enumerate(archives.members(content, limits, message.say, wanted), 1):
        if len(message.inner) >= limits.max_messages:
            message.say(f"Only {limits.max_messages} messages inside the mail are opened.")
            return
        wrapper = _leaf(f"{part.path}.{number}", "message/rfc822", member.name, member.content)
        wrapper.is_message = True
        inner = mime.read(member.content, limits, message.defects)
        inner.path = f"{wrapper.path}.1"
        wrapper.children.append(inner)
        message.root.children.append(wrapper)
        message.inner.append(inner)


def _leaf(path: str, content_type: str, name: str, content: bytes) -> Part:
    return Part(path, Headers([]), content_type, {"name": name}, content, 0, len(content))
