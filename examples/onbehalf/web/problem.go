package web

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"github.com/coviu/coviu-go-sdk"
)

// problem is what went wrong, in words for the visitor.
type problem struct {
	Text string
	// Field is the field of the booking form that has to be changed.
	Field string
	// NewForm says that this form can book nothing more.
	NewForm bool
	// Reconnect says that the account has to be connected first.
	Reconnect bool

	status int
	cause  error
	// session and start are what the visitor wanted to change.
	session, start string
}

// inputError is a mistake in a form, in words for who filled it in.
type inputError struct{ field, text string }

func (e inputError) Error() string { return e.text }

// databaseError is a failure of the program's own database.
type databaseError struct{ err error }

func (e databaseError) Error() string { return "database: " + e.err.Error() }
func (e databaseError) Unwrap() error { return e.err }

func bookingProblem(err error, request *coviu.SessionCreationRequest, now time.Time) *problem {
	input, isInput := errors.AsType[inputError](err)
	p := &problem{status: http.StatusUnprocessableEntity, cause: err}
	switch {
	case isInput:
		p.Text, p.Field = input.text, input.field
	case errors.Is(err, coviu.ErrKeyConflict):
		return usedForm("This form has booked a call already, "+difference(err)+". That call was not changed.", err)
	case errors.Is(err, coviu.ErrPreviouslyCanceled):
		return usedForm("The call that this form booked was canceled.", err)
	case errors.Is(err, coviu.ErrDuplicate):
		return usedForm("This form has booked several calls. Please cancel all but one.", err)
	case isUnknown(err):
		p.Text, p.status = "Coviu did not answer in time, so the call may be booked or not. Press the button again: "+
			"nothing is booked twice.", http.StatusGatewayTimeout
	case errors.Is(err, coviu.ErrBadRequest) && !request.StartTime.After(now):
		p.Text, p.Field = "The start has passed. Please choose a later time.", "start"
	case errors.Is(err, coviu.ErrBadRequest):
		p.Text = refusal("Coviu refused the call", err)
	case errors.Is(err, coviu.ErrForbidden):
		p.Text = refusal("Your Coviu account may not book this call", err)
	case errors.Is(err, coviu.ErrInvalidRequest):
		p.Text, p.NewForm = "This form can't be sent.", true
	default:
		return outage(err, "Please press the button again in a minute: nothing is booked twice.")
	}
	return p
}

// usedForm is the problem of a form whose key stands for another call.
func usedForm(text string, err error) *problem {
	return &problem{Text: text, NewForm: true, status: http.StatusConflict, cause: err}
}

// difference says how the call that the form booked differs from the form.
func difference(err error) string {
	var parts []string
	if taken, ok := errors.AsType[*coviu.KeyError](err); ok {
		if taken.Times {
			parts = append(parts, "at another time")
		}
		if taken.People {
			parts = append(parts, "with other names")
		}
	}
	return strings.Join(parts, " and ")
}

func moveProblem(err error) *problem {
	input, isInput := errors.AsType[inputError](err)
	p := &problem{status: http.StatusUnprocessableEntity, cause: err}
	switch {
	case isInput:
		p.Text = input.text
	case isGone(err):
		p.Text = "This call was canceled, so it can't be moved."
	case errors.Is(err, coviu.ErrBadRequest), errors.Is(err, coviu.ErrForbidden), errors.Is(err, coviu.ErrInvalidRequest):
		p.Text = refusal("Coviu did not move the call", err)
	default:
		return outage(err, "Please press the button again in a minute: to move a call twice changes nothing more.")
	}
	return p
}

func cancelProblem(err error) *problem {
	p := &problem{status: http.StatusUnprocessableEntity, cause: err}
	switch {
	case errors.Is(err, coviu.ErrForbidden):
		p.Text = "The call has started, so it can't be canceled any more."
	case errors.Is(err, coviu.ErrBadRequest), errors.Is(err, coviu.ErrInvalidRequest):
		p.Text = refusal("Coviu did not cancel the call", err)
	default:
		return outage(err, "Please press the button again in a minute: to cancel a call twice changes nothing more.")
	}
	return p
}

func loginProblem(err error) *problem {
	p := &problem{status: http.StatusBadRequest, cause: err}
	switch {
	case errors.Is(err, errState):
		p.Text = "This answer does not belong to a question from this browser, or it came too late. Please start again."
	case errors.Is(err, errDenied):
		p.Text = "You did not consent, so nothing was connected."
	case errors.Is(err, errNoDecision):
		p.Text = "Coviu's page could not ask you. Please start again."
	case errors.Is(err, coviu.ErrReauthorize):
		p.Text = "Your consent was used already, or came too late. Please start again."
	case isUnknown(err):
		p.Text, p.status = "Coviu did not answer in time. Please start again.", http.StatusGatewayTimeout
	case errors.Is(err, coviu.ErrAuthentication):
		p.Text, p.status = "Coviu does not accept this program. Please tell whoever runs it.", http.StatusBadGateway
	default:
		return outage(err, "Please start again in a minute.")
	}
	return p
}

func notConnected(text string, err error) *problem {
	return &problem{Text: text, Reconnect: true, status: http.StatusUnauthorized, cause: err}
}

// outage is a failure that is nobody's mistake.
func outage(err error, advice string) *problem {
	if _, ours := errors.AsType[databaseError](err); ours {
		return &problem{Text: "This program can't reach its database. " + advice, status: http.StatusServiceUnavailable, cause: err}
	}
	return &problem{Text: "Coviu can't be reached at the moment. " + advice, status: http.StatusBadGateway, cause: err}
}

func isUnknown(err error) bool {
	return errors.Is(err, coviu.ErrOutcomeUnknown) || errors.Is(err, context.DeadlineExceeded)
}

// refusal quotes the service.
func refusal(what string, err error) string {
	if refused, ok := errors.AsType[*coviu.APIError](err); ok && refused.Message != "" {
		return fmt.Sprintf("%s: %s.", what, strings.TrimSuffix(refused.Message, "."))
	}
	return what + "."
}

// log tells whoever runs the program what a visitor can do nothing about. The
// library's errors hold no names, links and secrets.
func (a *app) log(r *http.Request, p *problem) {
	if p.status >= http.StatusInternalServerError {
		a.Logger.ErrorContext(r.Context(), "a page failed", slog.String("page", r.Pattern), slog.Any("error", p.cause))
	}
}
