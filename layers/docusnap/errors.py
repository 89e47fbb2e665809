"""One exception root; the class docstring is the message, each class carries its outcome and a remedy."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, ClassVar

from docusnap.model import Problem


class DocuSnapError(Exception):
    """Something went wrong inside DocuSnap."""

    code: ClassVar[str] = "internal_error"
    http_status: int = 500  # of the class, but for MalformedRequest
    retryable: ClassVar[bool] = False  # the same request may work later
    remedy: ClassVar[str] = "Look at the log for this request, and report it if it comes again."

    def __init__(self, detail: str | None = None, *, page: int | None = None, **members: Any) -> None:
        self.detail = detail or _sentence(type(self))
        self.page = page
        self.members = members  # further members of the problem document
        super().__init__(self.detail)

    @property
    def problem(self) -> Problem:
        return Problem(self.code, f"{self.detail} {self.remedy}", self.page)


def _sentence(cls: type) -> str:
    return " ".join((cls.__doc__ or "").split())


def catalogue(root: type[DocuSnapError] = DocuSnapError) -> Iterator[type[DocuSnapError]]:
    """Every error class, the root first: `docs/errors.md` is held equal to this by a test."""
    yield root
    for cls in root.__subclasses__():
        yield from catalogue(cls)


# --- What a caller did wrong -----------------------------------------------------------------------------------------


class MalformedJson(DocuSnapError):
    """The body is not valid JSON."""

    code, http_status, remedy = "malformed_json", 400, "Send a JSON object in UTF-8."


class InvalidQuery(DocuSnapError):
    """A query parameter has a value that is not allowed."""

    code, http_status, remedy = "invalid_query", 400, "See /docs for the values that this call takes."


class EmptyQuery(InvalidQuery):
    """The search query is empty."""

    code, remedy = "empty_query", "Give at least one letter, digit or character in q."


class UnknownFormat(InvalidQuery):
    """There is no such format."""

    code, remedy = "unknown_format", "Use json or text."


class InvalidCursor(InvalidQuery):
    """The cursor was not issued by this list."""

    code, remedy = "invalid_cursor", "Start again without a cursor, and pass next_cursor on unchanged."


class InvalidHeader(DocuSnapError):
    """A request header has a value that is not allowed."""

    code, http_status, remedy = "invalid_header", 400, "See /docs for the headers that this call takes."


class Unauthorized(DocuSnapError):
    """The API key is wrong or was revoked."""

    code, http_status, remedy = "invalid_key", 401, "Send Authorization: Bearer <api key> with a key that is in use."


class MissingKey(Unauthorized):
    """The request carries no API key."""

    code = "missing_key"


class InvalidEventsToken(Unauthorized):
    """The notification carries no token, or the wrong one."""

    code, remedy = "invalid_events_token", "Configure the store's webhook with the value of EVENTS_TOKEN."


class UnknownTopic(Unauthorized):
    """The notification comes from an SNS topic that is not listed."""

    code, remedy = "unknown_sns_topic", "Add the topic's ARN to SNS_TOPIC_ARNS, or unsubscribe it."


class InvalidSnsSignature(Unauthorized):
    """The notification is not signed by SNS."""

    code, remedy = "invalid_sns_signature", "Let SNS itself send here; nothing on the way may change its body."


class StaleSnsMessage(Unauthorized):
    """The SNS notification is too old, or from the future."""

    code, remedy = "stale_sns_message", "Check the clock of this server; what an old event named is found by sweep."


class Forbidden(DocuSnapError):
    """The API key does not have the scope for this call."""

    code, http_status, remedy = "insufficient_scope", 403, "Use a key that was created with this scope."


class NotFound(DocuSnapError):
    """There is nothing at this address."""

    code, http_status, remedy = "not_found", 404, "See /docs for the calls there are."


class DocumentNotFound(NotFound):
    """There is no such document."""

    code, remedy = "document_not_found", "It may have been deleted; list what there is with GET /v1/documents."


class DeadLetterNotFound(NotFound):
    """There is no such dead letter."""

    code, remedy = "dead_letter_not_found", "It may have been redriven, dropped or deleted; list what there is with GET /v1/dead."


class PageNotFound(NotFound):
    """The document has no such page."""

    code, remedy = "page_not_found", "Pages count from 1 to pages.total."


class MethodNotAllowed(DocuSnapError):
    """This address does not take that method."""

    code, http_status, remedy = "method_not_allowed", 405, "Use one of the methods in the Allow header."


class FormatNotAvailable(DocuSnapError):
    """This format is not built yet."""

    code, http_status, remedy = "format_not_available", 406, "Use json or text."


class Conflict(DocuSnapError):
    """The document is in another state than the call needs."""

    code, http_status, remedy = "conflict", 409, "Look at the document's status."


class AlreadyFinal(Conflict):
    """The document is finished; there is nothing to cancel."""

    code, remedy = "already_final", "Use DELETE to remove it."


class NotReady(Conflict):
    """The document is not finished yet."""

    code, retryable, remedy = "not_ready", True, "Ask again after Retry-After, or read a finished page with page=."


class NoContent(Conflict):
    """The document ended without text."""

    code, remedy = "no_content", "Its error member says why."


class NotUploaded(Conflict):
    """No object of this document has been uploaded."""

    code, remedy = "not_uploaded", "Upload the file first."


class DocumentDeleted(Conflict):
    """The document of this Idempotency-Key was deleted."""

    code, remedy = "document_deleted", "Use a new Idempotency-Key to send the file again."


class BodyTooLarge(DocuSnapError):
    """The request body is larger than this server takes."""

    code, http_status, remedy = "body_too_large", 413, "Files go to the presigned URL, not to this call."


class RequestTimeout(DocuSnapError):
    """The request did not arrive whole in time."""

    code, http_status, retryable, remedy = "request_timeout", 408, True, "Send it again, head and body within 10 seconds each."


class MalformedRequest(DocuSnapError):
    """The request is not valid HTTP, or longer than HTTP requests may be here."""

    code, http_status, remedy = "malformed_request", 400, "Use an HTTP/1.1 client, and a shorter address or fewer headers."

    def __init__(self, status: int = 400) -> None:
        super().__init__()
        self.http_status = status  # 414, 417, 431 and 501 tell more than 400


class ContentTooLarge(DocuSnapError):
    """The content is larger than this host can send."""

    code, http_status, remedy = "content_too_large", 413, "Read it page by page with page=."


class InvalidBody(DocuSnapError):
    """A member of the body is missing, unknown, or of the wrong type."""

    code, http_status, remedy = "invalid_body", 422, "See /docs for the members that this call takes."


class SizeRequired(InvalidBody):
    """A PUT upload needs its size."""

    code, remedy = "size_required", "Give size in bytes, or use method POST."


class IdempotencyConflict(InvalidBody):
    """This Idempotency-Key was used with another body."""

    code, remedy = "idempotency_conflict", "Use a new key for a new request."


class TooManyRequests(DocuSnapError):
    """Too many documents are waiting already."""

    code, http_status, retryable = "too_many_requests", 429, True
    remedy = "Send it again after Retry-After."


class AtCapacity(DocuSnapError):
    """As many requests are being answered as may be at once."""

    code, http_status, retryable = "at_capacity", 429, True
    remedy = "Send it again after Retry-After; the operator can raise the limit (MAX_INFLIGHT in a container) or add instances."


class ConfigurationError(DocuSnapError):
    """The settings are not usable."""

    code, remedy = "configuration_error", ""


class NotificationUnparsable(DocuSnapError):
    """The body is no bucket notification that DocuSnap knows."""

    code, http_status, remedy = "notification_unparsable", 400, "See events/ for the dialects that are understood."


# --- What a part of the system could not do just now: try again, nothing is counted against the page -----------------


class Unavailable(DocuSnapError):
    """A part of the system is not there just now."""

    code, http_status, retryable, remedy = "unavailable", 503, True, "Try again after Retry-After."


class DatabaseUnavailable(Unavailable):
    """The database does not answer."""

    code = "database_unavailable"


class SchemaOutdated(Unavailable):
    """The database's schema is older than this program needs."""

    code, remedy = "schema_outdated", "Run docusnap migrate."


class StoreUnavailable(Unavailable):
    """The object store does not answer."""

    code = "store_unavailable"


class SnsUnavailable(Unavailable):
    """AWS does not hand out SNS's certificate, or does not take the confirmation of a subscription."""

    code, remedy = "sns_unavailable", "Let this server reach https://sns.<region>.amazonaws.com; SNS sends again by itself."


class ScratchFull(Unavailable):
    """There is no room for the object in the scratch folder."""

    code, remedy = "scratch_full", "Free space on the disk, or raise SCRATCH_BYTES."


class EngineBusy(Unavailable):
    """The recogniser is reading other pages."""

    code = "engine_busy"


class Interrupted(Unavailable):
    """The worker was told to stop and hands its work over."""

    code = "interrupted"


# --- The input can never work: rejected at once, never retried --------------------------------------------------------


class InputError(DocuSnapError):
    """The file cannot be read."""

    code, http_status, remedy = "invalid_input", 422, "Send another file."


class EmptyObject(InputError):
    """The file is empty."""

    code, remedy = "empty_object", "Send a file with at least one byte."


class ObjectTooLarge(InputError):
    """The file is larger than MAX_OBJECT_BYTES."""

    code, http_status, remedy = "object_too_large", 413, "Send a smaller file, or let the operator raise the limit."


class ChecksumMismatch(InputError):
    """The uploaded bytes do not have the sha256 that was declared."""

    code, remedy = "checksum_mismatch", "The transfer was damaged or another file was sent: upload it again."


class ObjectChanged(InputError):
    """The object was overwritten before it was read."""

    code, remedy = "object_changed", "Upload each file once; create a new document for a new file."


class ObjectMissing(InputError):
    """The object was removed from the bucket before it was read."""

    code, remedy = "object_missing", "Upload it again."


class UnsupportedType(InputError):
    """The bytes are no image or PDF that DocuSnap reads."""

    code, remedy = "unsupported_type", "Send JPEG, PNG, TIFF, WebP, BMP, GIF, HEIC or PDF; the bytes decide, not the name."


class CorruptImage(InputError):
    """The image is damaged or cut off."""

    code, remedy = "corrupt_image", "Export or scan it again."


class CorruptPdf(InputError):
    """The PDF is damaged."""

    code, remedy = "corrupt_pdf", "Export or print it to PDF again."


class EncryptedPdf(InputError):
    """The PDF needs a password."""

    code, remedy = "encrypted_pdf", "Save it without a password and send it again."


class NoPages(InputError):
    """The file has no pages."""

    code, remedy = "no_pages", "Send a file with at least one page."


class TooManyPages(InputError):
    """The file has more pages than MAX_PAGES."""

    code, remedy = "too_many_pages", "Split it, or let the operator raise the limit."


class TooManyPixels(InputError):
    """The page has more pixels than MAX_MEGAPIXELS."""

    code, remedy = "too_many_pixels", "Send it at a lower resolution, or let the operator raise the limit."


class DecodedTooLarge(InputError):
    """The file unpacks into more memory than a page may use."""

    code, remedy = "decoded_too_large", "Send it at a lower resolution."


# --- A page did not work this time: counted, retried with back-off, then a dead letter --------------------------------


class ProcessingError(DocuSnapError):
    """The page could not be processed."""

    code, retryable, remedy = "processing_error", True, "Reprocess the document, and report it if it fails again."


class DecoderCrashed(ProcessingError):
    """The decoder crashed on this page."""

    code = "decoder_crashed"


class EngineCrashed(ProcessingError):
    """The recogniser crashed on this page."""

    code = "engine_crashed"


class EngineFailed(ProcessingError):
    """The recogniser reported an error on this page."""

    code = "engine_failed"


class PageTimeout(ProcessingError):
    """The page took longer than PAGE_SECONDS."""

    code, remedy = "page_timeout", "Send it at a lower resolution, or let the operator raise the limit."


class WorkerLost(ProcessingError):
    """The workers that took this page vanished again and again."""

    code = "worker_lost"


class FetchFailed(ProcessingError):
    """The object store answers, but did not give this object whole and in time."""

    code, http_status, remedy = (
        "fetch_failed",
        503,
        "Check the object in the store and how fast it is read from here, then reprocess the document.",
    )


class StoreDenied(ProcessingError):
    """The object store refuses DocuSnap access to the object."""

    code, http_status, remedy = "store_denied", 503, "Check the store's credentials and bucket policy."


# --- What a notification names but nobody knows: parked with its code -------------------------------------------------


class UnknownBucket(DocuSnapError):
    """The notification names a bucket that DocuSnap does not serve."""

    code, http_status, remedy = "unknown_bucket", 200, "Set S3_BUCKET, or point the notification elsewhere."


class UnknownKey(DocuSnapError):
    """The notification names a key that nobody registered, or that does not exist."""

    code, http_status, remedy = "unknown_key", 200, "Put foreign files under incoming/."
