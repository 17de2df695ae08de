package coviusql

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"strings"
	"time"

	"golang.org/x/oauth2"
)

// sealedPrefix tells an encrypted token from JSON, which begins with a brace.
const sealedPrefix = "aes256gcm:"

// tokenRecord is what is stored of a token. The expiry has a column of its own,
// on the database's clock.
type tokenRecord struct {
	AccessToken  string `json:"access_token"`
	TokenType    string `json:"token_type,omitempty"`
	RefreshToken string `json:"refresh_token,omitempty"`
	ExpiresIn    int64  `json:"expires_in,omitempty"`
	Scope        any    `json:"scope,omitempty"`
}

// seal writes a token, encrypted if there are keys. An encrypted token is bound to
// the row's id: it can't be read from the row of another user.
func (s *Store) seal(row string, t *oauth2.Token) (string, error) {
	record := tokenRecord{t.AccessToken, t.TokenType, t.RefreshToken, t.ExpiresIn, t.Extra("scope")}
	plain, err := json.Marshal(record) //nolint:gosec // storing the token is the purpose
	if err != nil || len(s.settings.Keys) == 0 {
		return string(plain), err
	}
	sealed := s.settings.Keys[0].Seal(nil, nil, plain, []byte(row)) //nolint:gosec // this cipher makes its own nonce
	return sealedPrefix + base64.StdEncoding.EncodeToString(sealed), nil
}

// unseal reads what seal wrote, nil if there is no token. began is a moment before
// the row was read, so that the token does not seem to live longer.
func (s *Store) unseal(row string, columns tokenColumns, began time.Time) (*oauth2.Token, error) {
	if !columns.sealed.Valid {
		return nil, nil
	}
	plain, err := s.decrypt(row, columns.sealed.String)
	if err != nil {
		return nil, err
	}
	var record tokenRecord
	if json.Unmarshal(plain, &record) != nil {
		return nil, errors.New("the stored token is not readable")
	}
	t := &oauth2.Token{
		AccessToken:  record.AccessToken,
		TokenType:    record.TokenType,
		RefreshToken: record.RefreshToken,
		ExpiresIn:    record.ExpiresIn,
	}
	if columns.left.Valid {
		t.Expiry = began.Add(time.Duration(columns.left.Int64) * time.Millisecond)
	}
	if record.Scope != nil {
		t = t.WithExtra(map[string]any{"scope": record.Scope})
	}
	return t, nil
}

func (s *Store) decrypt(row, text string) ([]byte, error) {
	sealed, encrypted := strings.CutPrefix(text, sealedPrefix)
	if !encrypted {
		if len(s.settings.Keys) > 0 && !s.settings.Unencrypted {
			return nil, errors.New("the stored token is not encrypted")
		}
		return []byte(text), nil
	}
	raw, err := base64.StdEncoding.DecodeString(sealed)
	if err != nil {
		return nil, errors.New("the stored token is not readable")
	}
	for _, key := range s.settings.Keys {
		if plain, err := key.Open(nil, nil, raw, []byte(row)); err == nil {
			return plain, nil
		}
	}
	return nil, errors.New("no key decrypts the stored token")
}
