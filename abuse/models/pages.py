"""What the desk saw at reported pages, and who has seen the pictures of them."""

from __future__ import annotations

from django.db import models

from .base import Model
from .reports import UrlStatus


class UrlCheck(Model):
    """One look of the desk at a page. A look of which there is a picture is a screenshot; `look_id` is its name.

    Kept beside `UrlStatus`, which says what the look meant for one report: this is the page's own history.
    """

    look_id = models.CharField(max_length=32, unique=True)
    url_sha256 = models.CharField(max_length=64)
    url = models.TextField()
    country = models.CharField(max_length=8, blank=True, default="", help_text="as seen from where; empty: anywhere")
    looked_at = models.DateTimeField()
    direct_status = models.CharField(max_length=10, choices=UrlStatus.State)
    proxied_status = models.CharField(max_length=10, choices=UrlStatus.State, null=True, blank=True)
    http_code = models.PositiveIntegerField(null=True, blank=True)
    score = models.PositiveIntegerField(help_text="0 up … 100 down")
    headers = models.JSONField(default=dict, blank=True, help_text="of the last answer, names in lower case")
    final_url = models.TextField(blank=True, default="", help_text="where its redirects led")
    picture = models.CharField(max_length=128, blank=True, default="", help_text="storage key of the PNG")
    is_phishing = models.BooleanField(null=True, blank=True, help_text="the last verdict")
    judged_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        indexes = [
            models.Index(fields=["url_sha256", "-looked_at"], name="url_check_of_page"),
            models.Index(fields=["looked_at"], name="url_check_age"),
        ]

    def __str__(self) -> str:
        return f"{self.url[:80]} on {self.looked_at:%Y-%m-%d %H:%M}: {self.direct_status}"


class ScreenshotView(Model):
    """Somebody was shown a picture. The same address and program within a day is one view."""

    check_of = models.ForeignKey(UrlCheck, on_delete=models.CASCADE, related_name="views")
    ip = models.GenericIPAddressField(null=True, blank=True)
    user_agent = models.CharField(max_length=255, blank=True, default="")
    day = models.DateField()
    viewed_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["check_of", "ip", "user_agent", "day"], name="view_once_a_day", nulls_distinct=False
            )
        ]

    def __str__(self) -> str:
        return f"{self.check_of_id} seen by {self.ip}"
