"""A model folder -> an encoder, or a refusal: nothing is repaired silently."""

from __future__ import annotations

import importlib
import logging
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from xlembed.fields import DEVICE
from xlembed.models.encoder import AnyEncoder, Encoder, OutOfMemory
from xlembed.models.folder import (
    OWN_MODULES,
    body_config,
    body_folder,
    folder_modules,
    is_stanford,
    stored_pooling,
    stored_prompts,
    with_folder_prompts,
)
from xlembed.models.hub import locate, locate_code, usable
from xlembed.models.limits import length_limit, position_rows
from xlembed.models.report import quiet_transformers, refuse_bad_report, reports
from xlembed.models.safety import refuse_unsafe
from xlembed.models.selfcheck import check_tokenizer
from xlembed.models.spec import ModelRef
from xlembed.models.static_table import open_static_table
from xlembed.words import Kind, Pooling, Role, UserError

if TYPE_CHECKING:
    import torch
    from sentence_transformers import SentenceTransformer

    from xlembed.models.card import ModelCard
    from xlembed.models.token_encoder import TokenEncoder

log = logging.getLogger(__name__)

PROJECTION = r"^linear\.weight$"
"""Beside the body in ColBERT's own checkpoints; sentence-transformers reads it for itself."""

__all__ = ["load_encoder", "locate"]


def load_encoder(
    ref: ModelRef,
    *,
    device: str = "",
    trust_remote_code: bool = False,
    instruction: str = "",
    folder: Path | None = None,
) -> Encoder:
    """Load a model so that it is used as its card says, or refuse; a static one needs no torch on a processor.

    Args:
        ref: the model as asked for (`resolve_model`).
        device: ``cpu``, ``cuda``, ``cuda:1``, ``mps``; empty takes cuda, else mps, else cpu (static ones: cpu).
        trust_remote_code: run Python code that the model's repository brings along.
        instruction: put in place of the card's default instruction.
        folder: where the files are; None looks for them (`locate`).

    Raises:
        UserError: the files are missing or damaged, need remote code that was not allowed, do not
            fit the model (missing, unexpected or mismatched weights), or the tokenizer does not know the
            card's languages.
    """
    folder, card = _look_at(ref, trust_remote_code, folder)
    _warn_of_differences(card, folder)
    if table := open_static_table(ref, card, folder, device, instruction):
        _refuse_no_room(table, ref)
        return table
    folder, card, model, limit = _open(ref, device, trust_remote_code, folder)
    _load_adapters(card, model, folder)
    dim = model.get_embedding_dimension()
    if dim is None or (card.dim and dim != card.dim):
        raise UserError(
            f"{ref.slug}: the card says {card.dim} dimensions, the files in {folder} give {dim}: another model?"
        )
    if ref.dtype.on_openvino:
        from xlembed.models.openvino import compute_on_openvino  # an extra

        compute_on_openvino(model.eval(), ref, folder)
    from xlembed.models.sentence_encoder import SentenceEncoder, StaticEncoder

    encoder = (StaticEncoder if hasattr(model[0], "num_embeddings") else SentenceEncoder)(
        model=model.eval(),
        name=ref.slug,
        prompts={role: card.prompt(role, instruction) for role in Role},
        adapters={role: card.adapter(role) for role in Role},
        layer_norm=card.layer_norm,
        dim=dim,
        max_tokens=limit,
    )
    _refuse_no_room(encoder, ref)
    _try_out(encoder, ref, folder)
    return encoder


def _refuse_no_room(encoder: AnyEncoder, ref: ModelRef, roles: Iterable[Role] = Role) -> None:
    """Inputs that are cut before a text's first token would all have one vector."""
    for role in roles:
        [alone] = encoder.token_counts([""], role)
        if encoder.max_tokens and alone >= encoder.max_tokens:
            raise UserError(
                f"{ref.slug}: inputs are cut at {encoder.max_tokens} tokens, and the {role} prompt with the special "
                f"tokens takes {alone}: nothing of a text would be read. Cut at more (+maxN, max_tokens)"
            )


def _try_out(encoder: AnyEncoder, ref: ModelRef, folder: Path, roles: Iterable[Role] = Role) -> None:
    """Encode two texts that must be padded: odd files may load and fail then."""
    try:
        for role in roles:
            encoder.encode_batch(["a", "a and b"], role)
    except (UserError, OutOfMemory):
        pass  # told when the user's own texts are encoded
    except Exception as error:
        raise UserError(
            f"{ref.slug}: {folder} loads, but encoding with it fails: {type(error).__name__}: {error}. An odd "
            "config.json or tokenizer_config.json (no pad_token)? Compare them with the original's."
        ) from error


def load_token_encoders(
    ref: ModelRef, *, device: str = "", trust_remote_code: bool = False, instruction: str = ""
) -> dict[Role, TokenEncoder]:
    """A late-interaction model, checked like any other: what encodes queries, and what encodes documents.

    Raises:
        UserError: as `load_encoder`.
    """
    folder, card, model, limit = _open(ref, device, trust_remote_code, None)
    _warn_of_differences(card, folder)
    from xlembed.models.token_encoder import token_encoders

    encoders = token_encoders(model.eval(), card, ref.slug, limit, instruction)
    for role, encoder in encoders.items():
        _refuse_no_room(encoder, ref, [role])
        _try_out(encoder, ref, folder, [role])
    return encoders


def load_for_training(
    ref: ModelRef, *, device: str = "", trust_remote_code: bool = False, folder: Path | None = None
) -> SentenceTransformer:
    """The model itself, checked like `load_encoder`'s, in float32, with the card's prompts under the roles' names.

    Raises:
        UserError: as `load_encoder`.
    """
    model: SentenceTransformer
    _, card, model, _ = _open(ref, device, trust_remote_code, folder)
    model.prompts = {role.value: card.prompt(role) for role in Role}
    return model.float()


def _look_at(ref: ModelRef, trust_remote_code: bool, folder: Path | None) -> tuple[Path, ModelCard]:
    """Folder, and the card in force; what its small files show to be wrong is refused."""
    folder = usable(ref.card, folder) if folder else locate(ref, trust_remote_code)
    refuse_unsafe(ref, folder, trust_remote_code)
    return folder, with_folder_prompts(ref.card, folder)


def _open(
    ref: ModelRef, device: str, trust_remote_code: bool, folder: Path | None
) -> tuple[Path, ModelCard, Any, int | None]:
    """Folder, the card in force, the checked model without prompts, and where it cuts."""
    folder, card = _look_at(ref, trust_remote_code, folder)
    where = choose_device(device or ("cpu" if ref.dtype.on_openvino else ""))
    if ref.dtype.on_openvino and where != "cpu":
        raise UserError(f"{ref.slug}: +ov and +int8 compute on the processor: leave out device {device!r}")
    model = _load_model(ref, card, folder, where, trust_remote_code)
    limit = _apply_limit(model, length_limit(folder, ref.max_tokens, card.config_overrides))
    check_tokenizer(model.tokenizer, card.languages, ref.slug)
    model.prompts, model.default_prompt_name = {}, None  # prompts are put before the texts by us, visibly
    return folder, card, model, limit


def _warn_of_differences(card: ModelCard, folder: Path) -> None:
    stored = stored_pooling(folder)
    if stored and card.pooling and stored != card.pooling.value:
        said = "%s: the card says pooling %s, the folder's own modules say %s and are used"
        log.warning(said, card.name, card.pooling, stored)
    prompts = stored_prompts(folder)
    for role in Role:
        used, own = card.prompt(role), prompts.get(role.value)
        template = card.query_prompt if role is Role.QUERY else card.document_prompt
        if own and own != used and "{instruction}" not in template:
            log.warning(
                "%s: the folder stores the %s prompt %r; %r is used", card.name, role.value, own, used
            )


def choose_device(device: str) -> str:
    """The device as asked for, or the best there is.

    Raises:
        UserError: it is none, or not there.
    """
    import torch

    if not device:
        return "cuda" if torch.cuda.is_available() else "mps" if torch.backends.mps.is_available() else "cpu"
    if not DEVICE.fullmatch(device):
        raise UserError(f"device {device!r}: expected cpu, cuda, cuda:N or mps")
    kind = torch.device(device)
    if (kind.type == "cuda" and (kind.index or 0) >= torch.cuda.device_count()) or (
        kind.type == "mps" and not torch.backends.mps.is_available()
    ):
        raise UserError(
            f"device {device!r} is not there; found {torch.cuda.device_count()} cuda devices. Leave it out "
            "to choose one."
        )
    return device


class _Kept(dict[str, Any]):
    """Keeps `code_revision`, which sentence-transformers takes out before the weights are loaded."""

    def pop(self, key: str, *default: Any) -> Any:
        return self.get(key, *default) if key == "code_revision" else super().pop(key, *default)


def _load_model(ref: ModelRef, card: ModelCard, folder: Path, device: str, trust_remote_code: bool) -> Any:
    import torch
    from sentence_transformers import MultiVectorEncoder, SentenceTransformer

    late = card.kind is Kind.LATE_INTERACTION
    family: Any = MultiVectorEncoder if late else SentenceTransformer
    dtype = getattr(torch, ref.dtype.loaded_as)
    code = _code_revision(card, folder) if trust_remote_code else {}
    # Scaled dot product attention, except for bodies that were never ported to it.
    attention = "eager" if body_config(folder).get("model_type") == "mpnet" else "sdpa"
    settings: dict[str, dict[str, Any]] = {
        "model_kwargs": _Kept(dtype=dtype, use_safetensors=True, attn_implementation=attention, **code),
        "processor_kwargs": {"padding_side": card.padding_side} if card.padding_side else {},
        "config_kwargs": {**card.config_overrides, **code},
    }
    try:
        with reports() as found:
            if late or folder_modules(folder):
                # Our own modules are handed over: sentence-transformers imports them only where any code may run.
                model = family._load_with_module_classes(
                    str(folder),
                    _own_modules(ref, folder),
                    device=device,
                    trust_remote_code=trust_remote_code,
                    local_files_only=True,
                    **settings,
                )
            else:
                local = {"local_files_only": True, "trust_remote_code": trust_remote_code}
                told = {key: {**values, **local} for key, values in settings.items()}
                modules = _plain_modules(card, folder, **told)
                model = SentenceTransformer(modules=modules, device=device)
    except UserError:
        raise
    except Exception as error:  # odd files make the libraries raise anything, plain Exception too
        raise UserError(
            f"{ref.slug}: cannot be loaded from {folder}: {type(error).__name__}: {error}"
        ) from error
    unused = (*card.unused_weights, PROJECTION) if is_stanford(folder) else card.unused_weights
    for report in found:
        refuse_bad_report(ref.slug, folder, report, unused, uses_pooler=_uses_pooler(model))
    if not found and _body(model) is not None:
        log.warning(
            "%s: its own code loads the weights; whether all of them fit could not be checked", ref.slug
        )
    rows = getattr(model[0], "num_embeddings", None)
    if rows is not None and (size := model.tokenizer.get_vocab_size()) > rows:
        raise UserError(
            f"{ref.slug}: the tokenizer in {folder} knows {size} tokens, the weights have {rows} rows"
        )
    for module in model:
        # A transformers body chose its own exceptions (rotary tables stay float32); the rest is cast.
        if _body(model) is None or module is not model[0]:
            module.to(dtype)
    return model


def _own_modules(ref: ModelRef, folder: Path) -> dict[str, type[torch.nn.Module]]:
    """Type in modules.json -> class, of the modules that come with this package."""
    found = {}
    for module in folder_modules(folder):
        if module.type.startswith(OWN_MODULES):
            place, _, name = module.type.rpartition(".")
            try:
                found[module.type] = getattr(importlib.import_module(place), name)
            except (ImportError, AttributeError):
                raise UserError(
                    f"{ref.slug}: {folder / 'modules.json'} names {module.type}, which this version of xlembed does "
                    "not have: install the version that saved it"
                ) from None
    return found


def _code_revision(card: ModelCard, folder: Path) -> dict[str, str]:
    """The commit that code from another repository is run from."""
    commits = {snapshot.name for snapshot in locate_code(card, folder).values()}
    return {"code_revision": commits.pop()} if len(commits) == 1 else {}


def _plain_modules(card: ModelCard, folder: Path, **settings: dict[str, Any]) -> list[torch.nn.Module]:
    """Body, the card's pooling, unit length: for a folder without modules.json."""
    if card.pooling is None or card.pooling is Pooling.STATIC:
        raise UserError(
            f"{card.name}: {folder} has no modules.json and its pooling is unknown. Say it by an entry in "
            "params.yaml: "
            f"models: {{{card.name}: {{source: {folder}, pooling: mean}}}} (mean, cls or lasttoken)."
        )
    from sentence_transformers.base.modules import Transformer
    from sentence_transformers.sentence_transformer.modules import Normalize
    from sentence_transformers.sentence_transformer.modules import Pooling as PoolingModule

    # Without this a tokenizer that has a chat template would turn every text into a chat.
    text = {"method": "forward", "method_output_name": "last_hidden_state"}
    body = Transformer(
        str(folder), modality_config={"text": text}, module_output_name="token_embeddings", **settings
    )
    return [body, PoolingModule(body.get_embedding_dimension(), card.pooling.value), Normalize()]


def _body(model: SentenceTransformer) -> Any:
    """The transformers model inside, if there is one."""
    return getattr(model[0], "model", None) or getattr(model[0], "auto_model", None)


def _uses_pooler(model: SentenceTransformer) -> bool:
    modalities = getattr(model[0], "modality_config", None) or {}
    return any("pooler" in str(params.get("method_output_name")) for params in modalities.values())


def _load_adapters(card: ModelCard, model: SentenceTransformer, folder: Path) -> None:
    names = {name for role in Role if (name := card.adapter(role))}
    for name in sorted(names):
        place = body_folder(folder) / name
        if not (place / "adapter_model.safetensors").is_file():
            raise UserError(
                f"{card.name}: the adapter {name} is not in {folder} (expected {name}/adapter_model.safetensors)"
            )
        try:
            with quiet_transformers():
                report = _body(model).load_adapter(str(place), adapter_name=name).to_dict()
        except Exception as error:  # as for the body
            raise UserError(f"{card.name}: adapter {name} cannot be loaded from {place}: {error}") from error
        # Weights of the adapters loaded before are listed as missing from this file.
        report["missing_keys"] = {key for key in report["missing_keys"] if f".{name}." in key}
        refuse_bad_report(card.name, place, report, card.unused_weights, uses_pooler=True)
    if names:
        _body(model).to(model.device)


def _apply_limit(model: SentenceTransformer, limit: int | None) -> int | None:
    """Set the cut in force; also below a position table that the config does not tell of."""
    table = position_rows(_body(model))
    if table is not None and (limit is None or limit > table):
        log.warning("inputs are cut at %d tokens, where the position table ends", table)
        limit = table
    if limit is not None or _body(model) is not None:
        cut_at(model, limit)
    return limit


def cut_at(model: SentenceTransformer, limit: int | None) -> None:
    """Cut inputs at so many tokens; None: a static model reads everything, a body as far as its tokenizer says."""
    if _body(model) is not None:
        model.max_seq_length = limit
    elif limit is not None:
        model.tokenizer.enable_truncation(max_length=limit)
    else:
        model.tokenizer.no_truncation()
