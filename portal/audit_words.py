"""What the audit log's actions are called."""

from collections.abc import Mapping

from portal.reader import gettext as _


def action_words() -> Mapping[str, str]:
    """Return the reader's words for each action of the audit log (docs/logs.md)."""
    return {
        "alert.edit": _("Receiver of alerts set"),
        "alert.remove": _("Receiver of alerts removed"),
        "alert.test": _("Test alert sent"),
        "connection.add": _("Connection added"),
        "connection.add_export_user": _("Export user added"),
        "connection.connect": _("Connection checked"),
        "connection.edit": _("Connection changed"),
        "connection.remove": _("Connection removed"),
        "connection.remove_export_user": _("Export user removed"),
        "connection.replace_key": _("Key replaced"),
        "connection.try_key": _("Key tried"),
        "erasure.end": _("Erasure ended"),
        "erasure.request": _("Erasure asked for"),
        "export.activate": _("Export switched on"),
        "export.add": _("Export added"),
        "export.segment.add": _("Segment added to an export"),
        "export.attach": _("Export attached to a connection"),
        "export.deactivate": _("Export switched off"),
        "export.detach": _("Export detached"),
        "export.duplicate": _("Export duplicated"),
        "export.edit": _("Export changed"),
        "export.remove": _("Export removed"),
        "export.segment.remove": _("Segment taken out of an export"),
        "export.run": _("Run started"),
        "export.run_all": _("All exports run"),
        "export.schedule": _("Schedule changed"),
        "export.schedule_all": _("Schedules changed together"),
        "portal.form": _("Form of the portal sent"),
        "preview.read": _("Preview looked at"),
        "refresh.edit": _("System refresh changed"),
        "rejects.read": _("Rejects looked at"),
        "retention.purged": _("Old data removed"),
        "run.approve": _("Run approved"),
        "run.cancel": _("Run canceled"),
        "run.refuse": _("Run refused"),
        "run.retry": _("Rejects tried again"),
        "sample.read": _("Sample of a segment looked at"),
        "samples.read": _("Samples of a run looked at"),
        "segment.look": _("Newest file of a segment noticed by hand"),
        "segment.remove": _("Segment removed"),
        "source.declare": _("Source of a segment set"),
        "source.remove": _("Source of a segment removed"),
        "suppression.change": _("List of people never sent changed"),
        "upload.begin": _("Upload begun"),
        "upload.finish": _("Upload finished"),
        "upload.put": _("File uploaded"),
    }
