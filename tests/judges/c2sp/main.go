// c2sp-judge is a second implementation to hold ours against: the Go team's sumdb (notes, RFC 6962), transparency-dev's cosignatures,
// witness policies and Tessera's fsck. It reads one JSON request from standard input and writes one JSON answer; what it
// refuses ends it with 1 and the reason.
package main

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"time"

	fnote "github.com/transparency-dev/formats/note"
	"github.com/transparency-dev/merkle/rfc6962"
	"github.com/transparency-dev/tessera"
	"github.com/transparency-dev/tessera/api"
	"github.com/transparency-dev/tessera/client"
	"github.com/transparency-dev/tessera/fsck"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

// request says what is asked, and everything that some question needs.
type request struct {
	Ask string `json:"ask"`

	Leaves        [][]byte      `json:"leaves"`
	Roots         [][]byte      `json:"roots"`
	Inclusions    []inclusion   `json:"inclusions"`
	Consistencies []consistency `json:"consistencies"`

	Note        string   `json:"note"`
	Text        string   `json:"text"`
	LogKeys     []string `json:"log_keys"`
	WitnessKeys []string `json:"witness_keys"`
	Policy      string   `json:"policy"`
	Folder      string   `json:"folder"`
}

type inclusion struct {
	Index int64    `json:"index"`
	Size  int64    `json:"size"`
	Path  [][]byte `json:"path"`
}

type consistency struct {
	Old  int64    `json:"old"`
	Size int64    `json:"size"`
	Path [][]byte `json:"path"`
}

func main() {
	slog.SetDefault(slog.New(slog.DiscardHandler))
	var asked request
	answer, err := any(nil), json.NewDecoder(os.Stdin).Decode(&asked)
	if err == nil {
		answer, err = answered(asked)
	}
	if err == nil {
		err = json.NewEncoder(os.Stdout).Encode(answer)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func answered(asked request) (any, error) {
	switch asked.Ask {
	case "tree":
		return tree(asked)
	case "open":
		return open(asked)
	case "sign":
		return sign(asked)
	case "policy":
		group, err := tessera.NewWitnessGroupFromPolicy([]byte(asked.Policy))
		return map[string]bool{"satisfied": err == nil && group.Satisfied([]byte(asked.Note))}, err
	case "fsck":
		verifier, err := note.NewVerifier(asked.LogKeys[0])
		if err != nil {
			return nil, err
		}
		files := &client.FileFetcher{Root: asked.Folder}
		err = fsck.New(verifier.Name(), verifier, files, leafHashes, fsck.Opts{N: 2}).Check(context.Background())
		return map[string]bool{"ok": true}, err
	}
	return nil, fmt.Errorf("nothing answers %q", asked.Ask)
}

// tree holds roots and proofs against those of sumdb/tlog.
func tree(asked request) (any, error) {
	var stored []tlog.Hash
	reader := tlog.HashReaderFunc(func(indexes []int64) ([]tlog.Hash, error) {
		found := make([]tlog.Hash, len(indexes))
		for at, index := range indexes {
			found[at] = stored[index]
		}
		return found, nil
	})
	roots := make([]tlog.Hash, len(asked.Leaves)+1)
	for index, leaf := range asked.Leaves {
		more, err := tlog.StoredHashes(int64(index), leaf, reader)
		if err != nil {
			return nil, err
		}
		stored = append(stored, more...)
	}
	for size := range roots {
		root, err := tlog.TreeHash(int64(size), reader)
		if err != nil {
			return nil, err
		}
		if roots[size] = root; string(asked.Roots[size]) != string(root[:]) {
			return nil, fmt.Errorf("the root of %d leaves is %v", size, root)
		}
	}
	for _, proof := range asked.Inclusions {
		leaf := tlog.RecordHash(asked.Leaves[proof.Index])
		if err := tlog.CheckRecord(hashes(proof.Path), proof.Size, roots[proof.Size], proof.Index, leaf); err != nil {
			return nil, fmt.Errorf("inclusion of %d in %d: %w", proof.Index, proof.Size, err)
		}
	}
	for _, proof := range asked.Consistencies {
		if err := tlog.CheckTree(hashes(proof.Path), proof.Size, roots[proof.Size], proof.Old, roots[proof.Old]); err != nil {
			return nil, fmt.Errorf("consistency of %d with %d: %w", proof.Old, proof.Size, err)
		}
	}
	return map[string]int{"roots": len(roots), "inclusions": len(asked.Inclusions), "consistencies": len(asked.Consistencies)}, nil
}

// open opens a note with the keys of logs and of witnesses.
func open(asked request) (any, error) {
	var verifiers []note.Verifier
	for _, key := range asked.LogKeys {
		verifier, err := note.NewVerifier(key)
		if err != nil {
			return nil, err
		}
		verifiers = append(verifiers, verifier)
	}
	for _, key := range asked.WitnessKeys {
		verifier, err := fnote.NewVerifierForCosignatureV1(key)
		if err != nil {
			return nil, err
		}
		verifiers = append(verifiers, verifier)
	}
	opened, err := note.Open([]byte(asked.Note), note.VerifierList(verifiers...))
	if err != nil {
		return nil, err
	}
	names, times := []string{}, map[string]int64{}
	for _, signature := range opened.Sigs {
		names = append(names, signature.Name)
		if at, err := fnote.CoSigV1Timestamp(signature); err == nil {
			times[signature.Name] = at.Unix()
		}
	}
	return map[string]any{"text": opened.Text, "signed_by": names, "cosigned_at": times}, nil
}

// sign signs a text with a fresh key of a log, and cosigns it with one of a witness.
func sign(asked request) (any, error) {
	logSecret, logKey, err := note.GenerateKey(rand.Reader, "go.example/log")
	witnessSecret, plain, other := note.GenerateKey(rand.Reader, "go.example/witness")
	if err := errors.Join(err, other); err != nil {
		return nil, err
	}
	signer, err := note.NewSigner(logSecret)
	cosigner, other := fnote.NewSignerForCosignatureV1(witnessSecret)
	if err := errors.Join(err, other); err != nil {
		return nil, err
	}
	witnessKey, err := fnote.VKeyToCosignatureV1(plain)
	if err != nil {
		return nil, err
	}
	signed, err := note.Sign(&note.Note{Text: asked.Text}, signer, cosigner)
	return map[string]any{"note": string(signed), "log_key": logKey, "witness_key": witnessKey, "now": time.Now().Unix()}, err
}

func leafHashes(bundle []byte) ([][]byte, error) {
	var entries api.EntryBundle
	if err := entries.UnmarshalText(bundle); err != nil {
		return nil, err
	}
	found := make([][]byte, 0, len(entries.Entries))
	for _, entry := range entries.Entries {
		found = append(found, rfc6962.DefaultHasher.HashLeaf(entry))
	}
	return found, nil
}

func hashes(path [][]byte) []tlog.Hash {
	found := make([]tlog.Hash, len(path))
	for at, hash := range path {
		copy(found[at][:], hash)
	}
	return found
}
