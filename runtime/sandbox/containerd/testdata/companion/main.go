// Command companion is an external extension by the rules of Lambda's Extensions API: it says what it is told.
package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"
)

func main() {
	if err := serve("http://" + os.Getenv("AWS_LAMBDA_RUNTIME_API") + "/2020-01-01/extension/"); err != nil {
		fmt.Println("companion:", err)
		os.Exit(1)
	}
}

func serve(api string) error {
	time.Sleep(100 * time.Millisecond) // a function that did not wait would be ready by now
	r, err := http.NewRequest(http.MethodPost, api+"register", strings.NewReader(`{"events":["INVOKE","SHUTDOWN"]}`))
	if err != nil {
		return err
	}
	r.Header.Set("Lambda-Extension-Name", filepath.Base(os.Args[0]))
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		return err
	}
	io.Copy(io.Discard, resp.Body)
	resp.Body.Close()
	fmt.Println("companion: registered,", resp.Status)
	time.Sleep(100 * time.Millisecond) // as above: the initialisation ends when all have asked for an event
	fmt.Println("companion: asks for its first event")
	for {
		kind, err := next(api, resp.Header.Get("Lambda-Extension-Identifier"))
		if err != nil {
			return err
		}
		if kind == "SHUTDOWN" {
			time.Sleep(50 * time.Millisecond) // what it knows takes a while to write down
			fmt.Println("companion: has written everything down")
			return nil
		}
	}
}

func next(api, id string) (string, error) {
	r, err := http.NewRequest(http.MethodGet, api+"event/next", nil)
	if err != nil {
		return "", err
	}
	r.Header.Set("Lambda-Extension-Identifier", id)
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	var e struct{ EventType, RequestID string }
	if err := json.NewDecoder(resp.Body).Decode(&e); err != nil {
		return "", err
	}
	fmt.Println("companion: told of", e.EventType, e.RequestID)
	return e.EventType, nil
}
