package coviutest

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"time"
)

const (
	grantClientCredentials = "client_credentials"
	grantRefreshToken      = "refresh_token"
	grantAuthorizationCode = "authorization_code"
	grantPassword          = "password"
)

func grantType(form []byte) string {
	values, err := url.ParseQuery(string(form))
	if err != nil {
		return ""
	}
	return values.Get("grant_type")
}

// issueToken answers POST /auth/token.
func (s *Server) issueToken(c *call) reply {
	form, err := url.ParseQuery(string(c.body))
	if err != nil {
		return tokenRefusal(http.StatusBadRequest, "invalid_request", "the body is no form")
	}
	key := s.accounts.basic(c.header)
	if key == nil {
		rep := tokenRefusal(http.StatusUnauthorized, "invalid_client", "unknown API key or wrong secret")
		rep.header.Set("WWW-Authenticate", `Basic realm="coviu"`)
		return rep
	}
	switch form.Get("grant_type") {
	case "":
		return tokenRefusal(http.StatusBadRequest, "invalid_request", "grant_type is missing")
	case grantClientCredentials:
		return s.grantTo(key, key.user, c.now)
	case grantRefreshToken:
		return s.refreshGrant(key, form.Get("refresh_token"), c.now)
	case grantAuthorizationCode:
		return s.exchangeCode(key, form.Get("code"), c.now)
	case grantPassword:
		return s.login(key, form.Get("username"), form.Get("password"), c.now)
	}
	return tokenRefusal(http.StatusBadRequest, "unsupported_grant_type", "no such grant_type")
}

// basic does not unescape the credentials, because no client of the vendor
// form-escapes them.
func (a *accounts) basic(h http.Header) *apiKey {
	const scheme = "basic "
	value := h.Get("Authorization")
	if len(value) < len(scheme) || !strings.EqualFold(value[:len(scheme)], scheme) {
		return nil
	}
	raw, err := base64.StdEncoding.DecodeString(value[len(scheme):])
	if err != nil {
		return nil
	}
	name, secret, _ := strings.Cut(string(raw), ":")
	if key := a.keys[name]; key != nil && key.secret == secret {
		return key
	}
	return nil
}

func (s *Server) refreshGrant(key *apiKey, token string, now time.Time) reply {
	old := s.accounts.refresh[token]
	if old == nil || old.grant.key != key || old.grant.family.revoked {
		return invalidGrant("unknown or used refresh token")
	}
	renewed := &grant{key: key, user: old.grant.user, family: old.grant.family}
	if s.settings.keepRefreshTokens {
		return s.issue(renewed, now, "")
	}
	if old.used && !now.Before(old.usedAt.Add(s.settings.refreshGrace)) {
		if s.settings.reuseDetection {
			old.grant.family.revoked = true
		}
		return invalidGrant("used refresh token")
	}
	if !old.used {
		old.used, old.usedAt = true, now
	}
	if s.settings.refreshGrace == 0 && !s.settings.reuseDetection {
		delete(s.accounts.refresh, token) // its later use needs no other answer
	}
	return s.issue(renewed, now, newSecret())
}

func (s *Server) exchangeCode(key *apiKey, code string, now time.Time) reply {
	given := s.accounts.codes[code]
	if given == nil || given.apiKey != "" && given.apiKey != key.apiKey {
		return invalidGrant("unknown or used code")
	}
	delete(s.accounts.codes, code)
	if !now.Before(given.expires) {
		return invalidGrant("the code has expired")
	}
	return s.grantTo(key, given.user, now)
}

func (s *Server) login(key *apiKey, username, password string, now time.Time) reply {
	for _, user := range s.accounts.users {
		if username != "" && user.Username == username && user.Password == password {
			return s.grantTo(key, user, now)
		}
	}
	return invalidGrant("unknown user or wrong password")
}

func (s *Server) grantTo(key *apiKey, user *account, now time.Time) reply {
	return s.issue(&grant{key: key, user: user, family: new(family)}, now, newSecret())
}

// issue answers with an access token and, unless it is empty, a refresh token.
func (s *Server) issue(g *grant, now time.Time, refresh string) reply {
	g.expires = now.Add(s.settings.tokenTTL)
	if refresh != "" {
		s.accounts.refresh[refresh] = &refreshToken{grant: g}
	}
	answer := struct {
		AccessToken  string `json:"access_token"`
		RefreshToken string `json:"refresh_token,omitempty"`
		ExpiresIn    int64  `json:"expires_in"`
		TokenType    string `json:"token_type"`
		Scope        string `json:"scope"`
	}{
		AccessToken:  s.accounts.newAccessToken(g, now),
		RefreshToken: refresh,
		ExpiresIn:    int64(s.settings.tokenTTL / time.Second),
		TokenType:    "Bearer",
		Scope:        "sessions",
	}
	body, _ := json.Marshal(answer)
	return reply{status: http.StatusOK, header: noStore(), body: body}
}

func invalidGrant(description string) reply {
	return tokenRefusal(http.StatusBadRequest, "invalid_grant", description)
}

// tokenRefusal makes an error in the form of RFC 6749, which is one of the forms
// that the service uses.
func tokenRefusal(status int, code, description string) reply {
	body, _ := json.Marshal(map[string]string{"error": code, "error_description": description})
	return reply{status: status, header: noStore(), body: body}
}

func noStore() http.Header { return http.Header{"Cache-Control": {"no-store"}} }
