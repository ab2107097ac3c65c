// Command oauthclients gets tokens with golang.org/x/oauth2 as an application does. It reads its settings as JSON from standard input
// and prints one JSON line for each step.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"log"
	"net/http"
	"net/url"
	"os"

	"golang.org/x/oauth2"
	"golang.org/x/oauth2/clientcredentials"
)

type client struct {
	ID     string `json:"id"`
	Secret string `json:"secret"`
}

type settings struct {
	TokenURL string `json:"token_url"`
	// Has a service role.
	Billing client `json:"billing"`
	// Exchanges the tokens that it receives.
	API client `json:"api"`
	// One user token for each exchange.
	UserToken string `json:"user_token"`
	// A resource that accepts the token as bearer.
	ResourceURL string `json:"resource_url"`
}

// result is one line. Either Error or AccessToken is set.
type result struct {
	Step            string `json:"step"`
	AccessToken     string `json:"access_token,omitempty"`
	TokenType       string `json:"token_type,omitempty"`
	Scope           any    `json:"scope,omitempty"`
	IssuedTokenType any    `json:"issued_token_type,omitempty"`
	Expires         int64  `json:"expires,omitempty"`
	Status          int    `json:"status,omitempty"`
	Error           string `json:"error,omitempty"`
}

func main() {
	var input settings
	if err := json.NewDecoder(os.Stdin).Decode(&input); err != nil {
		log.Fatal(err)
	}
	billing := func(style oauth2.AuthStyle) *clientcredentials.Config {
		return &clientcredentials.Config{
			ClientID:     input.Billing.ID,
			ClientSecret: input.Billing.Secret,
			TokenURL:     input.TokenURL,
			AuthStyle:    style,
		}
	}

	show("header", billing(oauth2.AuthStyleInHeader))
	show("params", billing(oauth2.AuthStyleInParams))
	show("detected", billing(oauth2.AuthStyleAutoDetect))

	narrowed := billing(oauth2.AuthStyleInHeader)
	narrowed.Scopes = []string{"invoices:read"}
	narrowed.EndpointParams = url.Values{"resource": {"https://ledger.example/api"}}
	show("narrowed", narrowed)

	tooMuch := billing(oauth2.AuthStyleInHeader)
	tooMuch.Scopes = []string{"orders:write"}
	show("too much", tooMuch)

	wrong := billing(oauth2.AuthStyleInHeader)
	wrong.ClientSecret = "wrong"
	show("wrong secret", wrong)
	wrong = billing(oauth2.AuthStyleAutoDetect)
	wrong.ClientSecret = "wrong"
	show("wrong secret, detected", wrong)

	// The package has no exchange of its own: it sends whatever grant_type is in EndpointParams.
	show("exchange", &clientcredentials.Config{
		ClientID:     input.API.ID,
		ClientSecret: input.API.Secret,
		TokenURL:     input.TokenURL,
		AuthStyle:    oauth2.AuthStyleInHeader,
		EndpointParams: url.Values{
			"grant_type":         {"urn:ietf:params:oauth:grant-type:token-exchange"},
			"subject_token":      {input.UserToken},
			"subject_token_type": {"urn:ietf:params:oauth:token-type:access_token"},
			"audience":           {"stock-api"},
		},
	})

	showRequest("request", billing(oauth2.AuthStyleInHeader).Client(context.Background()), input.ResourceURL)
}

func show(step string, config *clientcredentials.Config) {
	token, err := config.Token(context.Background())
	if err != nil {
		printLine(result{Step: step, Error: codeOf(err)})
		return
	}
	printLine(result{
		Step:            step,
		AccessToken:     token.AccessToken,
		TokenType:       token.TokenType,
		Scope:           token.Extra("scope"),
		IssuedTokenType: token.Extra("issued_token_type"),
		Expires:         token.Expiry.Unix(),
	})
}

// showRequest sends a request as an application does: the client gets the token and adds it.
func showRequest(step string, client *http.Client, target string) {
	response, err := client.Get(target)
	if err != nil {
		printLine(result{Step: step, Error: codeOf(err)})
		return
	}
	defer response.Body.Close()
	printLine(result{Step: step, Status: response.StatusCode})
}

// codeOf returns the endpoint's error code. Another error is a failure of this program, not a refusal.
func codeOf(err error) string {
	var refused *oauth2.RetrieveError
	if errors.As(err, &refused) && refused.ErrorCode != "" {
		return refused.ErrorCode
	}
	log.Fatal(err)
	return ""
}

func printLine(line result) {
	if err := json.NewEncoder(os.Stdout).Encode(line); err != nil {
		log.Fatal(err)
	}
}
