package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"net/url"
	"strings"
	"time"
	"unicode"

	"github.com/coviu/coviu-go-sdk/coviutest"
)

const usage = `Usage: emulator [flags]

Serves a stand-in for the Coviu session API that keeps everything in memory.
The first line on standard output is its base URL, the next ones are the
credentials and a curl command to try. Then each request is a line on standard
error. Open the address in a browser to see the sessions.

`

// config is what the flags say.
type config struct {
	addr, seedFile string
	control        bool
	options        []coviutest.Option
}

// flagValues are the flags as they were given.
type flagValues struct {
	config
	key, secret, dates, participants, endTime, refreshTokens, redirect string
	tokenTTL, refreshGrace                                             time.Duration
	strict                                                             bool
}

func (v *flagValues) register(flags *flag.FlagSet) {
	flags.StringVar(&v.addr, "addr", "127.0.0.1:9400", "`address` to listen on; port 0 takes a free one")
	flags.StringVar(&v.key, "key", "demo-key", "API `key` of the clients")
	flags.StringVar(&v.secret, "secret", "demo-secret", "`secret` of the API key")
	flags.StringVar(&v.dates, "dates", "echo",
		"`form` of dates in replies: iso, rfc1123, or echo, the form in which a session's creator sent them")
	flags.StringVar(&v.participants, "participants", "array", "`form` of a session's participants: array or page")
	flags.StringVar(&v.endTime, "end-time", "start",
		"`what` the end_time of a list limits: start, the start of the sessions, or end, their end")
	flags.BoolVar(&v.strict, "strict", false, "refuse sessions without session_name and participants without role")
	flags.DurationVar(&v.tokenTTL, "token-ttl", time.Hour, "how long an access token `lives`, a second or more")
	flags.StringVar(&v.refreshTokens, "refresh-tokens", "rotate",
		"`what` happens to a used refresh token: rotate, it is dead; keep, it stays valid; "+
			"detect, it is dead, and using it again revokes all tokens of the grant")
	flags.DurationVar(&v.refreshGrace, "refresh-grace", 0, "how `long` a used refresh token still works")
	flags.StringVar(&v.redirect, "redirect", "",
		"`URL` to which the consent page at /v1/auth/authorize sends users back; without one it shows the code")
	flags.StringVar(&v.seedFile, "seed", "",
		"JSON `file` with sessions to begin with: a reply of the API, or an array of sessions; "+
			"a time may also be relative to now, such as \"-30m\" or \"+2h\"")
	flags.BoolVar(&v.control, "control", false, "serve /_control: faults, delays, clock and revoked tokens, for tests; open to everybody")
}

func parseFlags(args []string, stderr io.Writer) (*config, error) {
	flags := flag.NewFlagSet("emulator", flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	var v flagValues
	v.register(flags)
	if err := flags.Parse(args); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			fmt.Fprint(stderr, usage)
			flags.SetOutput(stderr)
			flags.PrintDefaults()
			return nil, err
		}
		return nil, fmt.Errorf("%w; -h lists the flags", err)
	}
	if flags.NArg() > 0 {
		return nil, fmt.Errorf("unexpected argument %q; -h lists the flags", flags.Arg(0))
	}
	if err := v.check(); err != nil {
		return nil, err
	}
	v.options = v.serverOptions()
	return &v.config, nil
}

var dateForms = map[string]coviutest.DateForm{
	"echo": coviutest.DatesEcho, "iso": coviutest.DatesISO, "rfc1123": coviutest.DatesRFC1123,
}

func (v *flagValues) check() error {
	_, knownDates := dateForms[v.dates]
	back, err := url.Parse(v.redirect)
	switch {
	case v.key == "" || strings.Contains(v.key, ":") || strings.ContainsFunc(v.key, unicode.IsControl):
		return errors.New("-key: empty, or with a colon or a control character")
	case v.secret == "" || strings.ContainsFunc(v.secret, unicode.IsControl):
		return errors.New("-secret: empty, or with a control character")
	case !knownDates:
		return errors.New("-dates: neither echo nor iso nor rfc1123")
	case v.participants != "array" && v.participants != "page":
		return errors.New("-participants: neither array nor page")
	case v.endTime != "start" && v.endTime != "end":
		return errors.New("-end-time: neither start nor end")
	case v.tokenTTL < time.Second:
		return errors.New("-token-ttl: less than a second")
	case v.refreshTokens != "rotate" && v.refreshTokens != "keep" && v.refreshTokens != "detect":
		return errors.New("-refresh-tokens: neither rotate nor keep nor detect")
	case v.refreshGrace < 0:
		return errors.New("-refresh-grace: negative")
	case v.redirect != "" && (err != nil || back.Host == ""):
		return errors.New("-redirect: not an absolute URL")
	}
	return nil
}

func (v *flagValues) serverOptions() []coviutest.Option {
	options := []coviutest.Option{
		coviutest.WithCredentials(v.key, v.secret),
		coviutest.WithDates(dateForms[v.dates]),
		coviutest.WithTokenTTL(v.tokenTTL),
		coviutest.WithRefreshGrace(v.refreshGrace),
		coviutest.WithRedirectURL(v.redirect),
	}
	for _, choice := range []struct {
		chosen bool
		option coviutest.Option
	}{
		{v.participants == "page", coviutest.WithParticipantPages()},
		{v.endTime == "end", coviutest.WithEndTimeByEnd()},
		{v.strict, coviutest.WithStrict()},
		{v.refreshTokens == "keep", coviutest.WithLastingRefreshTokens()},
		{v.refreshTokens == "detect", coviutest.WithReuseDetection()},
	} {
		if choice.chosen {
			options = append(options, choice.option)
		}
	}
	return options
}
