package apitest

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/coviu/coviu-go-sdk"
)

// RequireInvalid checks that err is a ValidationError for this field.
func RequireInvalid(t *testing.T, err error, field string) {
	t.Helper()
	var invalid *coviu.ValidationError
	require.ErrorAs(t, err, &invalid)
	require.Equal(t, field, invalid.Field)
	require.NotEmpty(t, invalid.Reason)
	require.ErrorIs(t, err, coviu.ErrInvalidRequest)
	require.NotErrorIs(t, err, coviu.ErrOutcomeUnknown)
}

// Sentinels returns every sentinel error of the library under its name.
func Sentinels() map[string]error {
	return map[string]error{
		"ErrInvalidRequest": coviu.ErrInvalidRequest, "ErrBadRequest": coviu.ErrBadRequest,
		"ErrUnauthorized": coviu.ErrUnauthorized, "ErrForbidden": coviu.ErrForbidden,
		"ErrNotFound": coviu.ErrNotFound, "ErrConflict": coviu.ErrConflict,
		"ErrRateLimited": coviu.ErrRateLimited, "ErrServer": coviu.ErrServer,
		"ErrUnexpectedResponse": coviu.ErrUnexpectedResponse, "ErrAuthentication": coviu.ErrAuthentication,
		"ErrReauthorize": coviu.ErrReauthorize, "ErrOutcomeUnknown": coviu.ErrOutcomeUnknown,
		"ErrKeyConflict": coviu.ErrKeyConflict, "ErrPreviouslyCanceled": coviu.ErrPreviouslyCanceled,
		"ErrDuplicate": coviu.ErrDuplicate,
	}
}

// RequireKinds checks that err matches the named sentinels and no others.
func RequireKinds(t *testing.T, err error, want ...string) {
	t.Helper()
	var got []string
	for name, kind := range Sentinels() {
		if errors.Is(err, kind) {
			got = append(got, name)
		}
	}
	require.ElementsMatch(t, want, got)
}
