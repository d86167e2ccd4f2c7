"""Who uses the desk, and what they may do."""

from __future__ import annotations

from django.contrib.auth.models import AbstractUser
from django.db import models

from .base import Model
from .categories import Category

ROBOT_NAME = "abuse.robot"


class User(AbstractUser):
    """A person, or the robot whose name stands under all that the rules did."""

    class Meta:
        db_table = "abuse_user"

    @property
    def is_robot(self) -> bool:
        return self.username == ROBOT_NAME


class ApiRoute(Model):
    """One call of the API that a role may be allowed: an HTTP method and an endpoint name.

    `is_dead`: the API has no such call any more; the row is kept, for it may come back.
    """

    class Method(models.TextChoices):
        GET = "GET"
        POST = "POST"
        PUT = "PUT"
        PATCH = "PATCH"
        DELETE = "DELETE"

    method = models.CharField(max_length=32, choices=Method)
    endpoint = models.CharField(max_length=512)
    is_dead = models.BooleanField(default=False)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["method", "endpoint"], name="api_route_once")]

    def __str__(self) -> str:
        return f"{self.method} {self.endpoint}"


class Role(Model):
    """A kind of operator: the routes allowed and, per model, what may be changed (`models_authorizations`)."""

    ADMIN = "admin"
    """The codename of those who run the desk."""

    codename = models.CharField(max_length=256, unique=True)
    name = models.CharField(max_length=256)
    models_authorizations = models.JSONField(default=dict, blank=True)
    allowed_routes = models.ManyToManyField(ApiRoute, related_name="roles", blank=True)

    def __str__(self) -> str:
        return self.codename


class Operator(Model):
    """A user who works tickets."""

    user = models.OneToOneField(User, on_delete=models.PROTECT, related_name="operator")
    role = models.ForeignKey(Role, on_delete=models.PROTECT, related_name="operators")

    def __str__(self) -> str:
        return str(self.user)


class Profile(Model):
    """How much a user may do within a category."""

    class Name(models.TextChoices):
        READ_ONLY = "Read-only"
        BEGINNER = "Beginner"
        ADVANCED = "Advanced"
        EXPERT = "Expert"

    name = models.CharField(max_length=255, unique=True)
    actions = models.ManyToManyField("abuse.ServiceAction", related_name="profiles", blank=True)

    def __str__(self) -> str:
        return self.name


class AbusePermission(Model):
    """The profile of a user in one category. No row: the user sees nothing of the category."""

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="abuse_permissions")
    category = models.ForeignKey(Category, on_delete=models.PROTECT, related_name="permissions")
    profile = models.ForeignKey(Profile, on_delete=models.PROTECT, related_name="permissions")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["user", "category"], name="permission_once")]

    def __str__(self) -> str:
        return f"{self.user}: {self.profile} in {self.category}"
