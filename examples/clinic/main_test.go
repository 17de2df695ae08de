package main

import (
	"flag"
	"io"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestTheCommandLineIsChecked(t *testing.T) {
	environment := map[string]string{}
	getenv := func(name string) string { return environment[name] }
	for _, args := range [][]string{{"-nonsense"}, {"extra"}, {"-workers", "0"}, {"-addr", ":8090"}, {"-addr", "192.0.2.1:80"}} {
		_, err := parse(args, io.Discard, getenv)
		require.Error(t, err, args)
	}
	_, err := parse(nil, io.Discard, getenv)
	require.NoError(t, err)
	environment["CLINIC_STAFF_PASSWORD"] = "secret"
	_, err = parse([]string{"-addr", ":8090"}, io.Discard, getenv)
	require.NoError(t, err)
}

func TestHelpNamesEveryVariable(t *testing.T) {
	var text strings.Builder
	_, err := parse([]string{"-h"}, &text, func(string) string { return "" })
	require.ErrorIs(t, err, flag.ErrHelp)
	for _, name := range []string{"DATABASE_URL", "COVIU_API_KEY", "CLINIC_STAFF_PASSWORD", "CLINIC_WEBHOOK_TOKEN", "-addr", "-workers"} {
		require.Contains(t, text.String(), name)
	}
}

func TestHalfOfTheCredentialsIsNotEnough(t *testing.T) {
	for _, set := range []map[string]string{
		{"COVIU_API_KEY": "key"},
		{"COVIU_API_KEY_SECRET": "secret"},
		{"COVIU_API_ENDPOINT": "https://example.com/v1"},
	} {
		_, _, err := connect(io.Discard, func(name string) string { return set[name] })
		require.ErrorContains(t, err, "is not set")
	}
	client, stop, err := connect(io.Discard, func(string) string { return "" })
	require.NoError(t, err)
	defer stop()
	_, err = client.Sessions.List(t.Context(), nil)
	require.NoError(t, err)
}
