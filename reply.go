package coviu

import (
	"bytes"
	"encoding/json"
	"errors"
	"strconv"
	"time"

	"github.com/coviu/coviu-go-sdk/internal/jsoncursor"
	"github.com/coviu/coviu-go-sdk/internal/retry"
	"github.com/coviu/coviu-go-sdk/internal/wire"
)

func newAPIError(operation string, r *wire.Reply, attempts int) *APIError {
	e := &APIError{
		Operation:  operation,
		StatusCode: r.Status,
		RequestID:  r.Header.Get("X-Request-Id"),
		RetryAfter: retry.After(r.Header, time.Now()),
		Body:       bytes.Clone(r.Body),
		Header:     r.Header,
		Attempts:   attempts,
	}
	if e.RequestID == "" {
		e.RequestID = r.Header.Get("Request-Id")
	}
	e.Code, e.Message = parseErrorBody(r.Body)
	return e
}

func newDecodeError(operation string, r *wire.Reply, attempts int, cause error) *DecodeError {
	e := &DecodeError{Operation: operation, StatusCode: r.Status, cause: cause, attempts: attempts}
	if at, ok := errors.AsType[*jsoncursor.Error](cause); ok {
		e.Field = at.Field
	}
	return e
}

// isCut says that the rest of the reply got lost, which another attempt may
// mend. A body that the server declared to be empty is not cut.
func isCut(reply *wire.Reply, cause error) bool {
	if errors.Is(cause, wire.ErrCut) {
		return true
	}
	at, ok := errors.AsType[*jsoncursor.Error](cause)
	return ok && at.Cut && reply.Length != 0
}

// parseErrorBody finds code and message in the shapes that servers use: an
// object under "error", a code there with its text in "error_description", or
// both at the top. Whatever is not such an object has neither.
func parseErrorBody(body []byte) (code, message string) {
	var top struct {
		Error       json.RawMessage `json:"error"`
		Description json.RawMessage `json:"error_description"`
		Code        json.RawMessage `json:"code"`
		Message     json.RawMessage `json:"message"`
	}
	if json.Unmarshal(body, &top) != nil {
		return "", ""
	}
	code, message = scalar(top.Code), scalar(top.Message)
	var inner struct {
		Code    json.RawMessage `json:"code"`
		Message json.RawMessage `json:"message"`
	}
	if len(top.Error) > 0 && top.Error[0] == '{' && json.Unmarshal(top.Error, &inner) == nil {
		return firstOf(scalar(inner.Code), code), firstOf(scalar(inner.Message), message)
	}
	return firstOf(scalar(top.Error), code), firstOf(scalar(top.Description), message)
}

// scalar reads a JSON string, or a number in decimal. Anything else is empty.
func scalar(raw json.RawMessage) string {
	var v any
	if len(raw) == 0 || json.Unmarshal(raw, &v) != nil {
		return ""
	}
	if _, number := v.(float64); number && !bytes.ContainsAny(raw, ".eE") {
		return string(raw)
	}
	switch v := v.(type) {
	case string:
		return v
	case float64:
		return strconv.FormatFloat(v, 'f', -1, 64)
	}
	return ""
}

func firstOf(a, b string) string {
	if a != "" {
		return a
	}
	return b
}
