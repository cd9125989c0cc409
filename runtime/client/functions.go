package client

import (
	"context"
	"io"
	"net/http"
	"net/url"

	"github.com/videosdgx/videosdgx/runtime/spec"
)

const functionsPath = "/api/v1/functions"

func functionPath(name string) string { return functionsPath + "/" + segment(name) }

// Deploy registers a function, or replaces what it is. It gives what the server has made of it, defaults filled in.
func (c *Client) Deploy(ctx context.Context, fn spec.Function) (out spec.Function, err error) {
	return out, c.Call(ctx, http.MethodPut, functionPath(fn.Name), fn, &out)
}

// Undeploy removes a function and all its versions.
func (c *Client) Undeploy(ctx context.Context, name string) error {
	return c.Call(ctx, http.MethodDelete, functionPath(name), nil, nil)
}

// Functions lists what is registered, and how it fares.
func (c *Client) Functions(ctx context.Context) ([]spec.FunctionStatus, error) {
	var out struct{ Functions []spec.FunctionStatus }
	err := c.Call(ctx, http.MethodGet, functionsPath, nil, &out)
	return out.Functions, err
}

// Function tells of one; IsNotFound(err) where there is none.
func (c *Client) Function(ctx context.Context, name string) (out spec.FunctionStatus, err error) {
	return out, c.Call(ctx, http.MethodGet, functionPath(name), nil, &out)
}

// Publish freezes what a function is as its next version, whose number it gives.
func (c *Client) Publish(ctx context.Context, name string) (version string, err error) {
	var out struct{ Version string }
	err = c.Call(ctx, http.MethodPost, lambdaPath(name)+"/versions", struct{}{}, &out)
	return out.Version, err
}

// SetAlias makes an alias of a version, or moves it there.
func (c *Client) SetAlias(ctx context.Context, name, alias, version string) error {
	base := lambdaPath(name) + "/aliases"
	in := map[string]any{"Name": alias, "FunctionVersion": version}
	err := c.Call(ctx, http.MethodPut, base+"/"+segment(alias), in, nil)
	if IsNotFound(err) {
		return c.Call(ctx, http.MethodPost, base, in, nil)
	}
	return err
}

func lambdaPath(name string) string { return "/2015-03-31/functions/" + segment(name) }

// Instances lists what runs, of one function or (with "") of all.
func (c *Client) Instances(ctx context.Context, function string) ([]spec.InstanceStatus, error) {
	path := "/api/v1/instances"
	if function != "" {
		path += "?function=" + url.QueryEscape(function)
	}
	var out struct{ Instances []spec.InstanceStatus }
	err := c.Call(ctx, http.MethodGet, path, nil, &out)
	return out.Instances, err
}

// StopInstance ends an instance, after what it is answering.
func (c *Client) StopInstance(ctx context.Context, id string) error {
	return c.Call(ctx, http.MethodDelete, "/api/v1/instances/"+segment(id), nil, nil)
}

// Logs gives what a function's instances have logged, oldest first; with follow it goes on until ctx ends. A line is its
// time, instance and request ("-": not known) and text, with tabs between them. The caller closes it.
func (c *Client) Logs(ctx context.Context, function string, follow bool) (io.ReadCloser, error) {
	path := functionPath(function) + "/logs"
	if follow {
		path += "?follow=true"
	}
	resp, err := c.Send(ctx, http.MethodGet, path, nil, nil)
	if err != nil {
		return nil, err
	}
	return resp.Body, nil
}
