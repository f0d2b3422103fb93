"""What the reference pages take from the code while the site is built, each as Markdown.

    http_api   every address, field and answer, from the application's OpenAPI document
    schemas    what goes in and out, field by field
    settings   the LASER_* variables
    errors     the codes, with what to do
    metrics    what /metrics counts
    commands   the help of every command of `laser`
    training   every setting of a run, in each preset
    benchmarks what each of them measures

A page names one of them: the directive `generated` (directive.py) puts its text there.
"""

from collections.abc import Callable

from docs.generated import benchmarks, commands, errors, http_api, metrics, schemas, settings, training

PARTS: dict[str, Callable[[], str]] = {
    "http_api": http_api.markdown,
    "schemas": schemas.markdown,
    "settings": settings.markdown,
    "errors": errors.markdown,
    "metrics": metrics.markdown,
    "commands": commands.markdown,
    "training": training.markdown,
    "benchmarks": benchmarks.markdown,
}
