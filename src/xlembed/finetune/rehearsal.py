"""A recipe held against the model it would train, before anything is trained."""

from __future__ import annotations

from typing import TYPE_CHECKING

from xlembed.embeddings.encoding import open_encoding
from xlembed.finetune.stage import open_stage_model, read_columns, teacher_of
from xlembed.workspace import Workspace

if TYPE_CHECKING:
    from xlembed.finetune.recipe_loading import Opened


def rehearse(opened: Opened, workspace: Workspace) -> None:
    """Build the model as the training would and hold every stage against it: what would fail later fails now.

    Later stages start on a saved folder of the same shape, so that one model speaks for all.

    Raises:
        UserError: a part, a tokenizer, a teacher, a learning rate or a size does not fit.
    """
    from xlembed.finetune.training import check_stage

    model = open_stage_model(opened, None, workspace)
    dims: dict[str, int] = {}
    for stage in opened.recipe.stages:
        teacher_dim = None
        if stage.loss.labels == "teacher":
            teacher = teacher_of(opened, stage, workspace)
            if teacher.slug not in dims:
                dims[teacher.slug] = open_encoding(teacher, workspace).encoder().dim
            teacher_dim = min(dims[teacher.slug], teacher.variation.dim or dims[teacher.slug])
        columns = read_columns(stage, opened.sets[stage.data[0].pairs].columns)
        check_stage(stage, model, columns, teacher_dim)
