package interop_test

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// officialCases are the cases in each file of peers/cases. They stand here too so that one that vanishes, or is
// not run, fails the test.
var officialCases = map[string][]string{
	"basic": {
		"connects", "usesTheTransportsAskedFor", "handshakeReachesTheServer", "valuesSurvive", "datesTravelAsText",
		"binaryAnywhere", "binaryOfManySizes", "orderIsKept", "orderIsKeptBothWaysWhileUpgrading",
		"sendIsTheEventMessage", "volatileArrivesWhenWritable", "anEventCalledErrorIsHarmless",
		"largeMessagesBelowTheLimit",
	},
	"acks": {
		"serverAnswers", "serverAnswersWithBinary", "serverAnswersWithNothing", "manyAnswersFindTheirQuestions",
		"clientAnswers", "clientAnswersWithBinary", "aSilentClientTimesOut", "aRoomAnswers",
		"anUnknownAnswerIsIgnored",
	},
	"rooms": {
		"joinAndLeave", "roomsGetTheUnionOnceAndWithoutTheSender", "exceptRooms", "everyoneAndEveryoneElse",
		"binaryToARoom", "fetchSockets", "setsOfSocketsAreMoved", "setsOfSocketsAreDisconnected",
		"roomsAreLeftAtDisconnect",
	},
	"namespaces": {
		"shareOneConnection", "unknownNamespaceIsRefused", "middlewareRefusesWithData",
		"authIsEvaluatedAtEachConnect", "asynchronousMiddleware", "leavingDuringTheMiddleware",
		"eventsRightBehindConnectAreNotMissed", "dynamicNamespaces", "dynamicNamespacesByAFunctionThatSeesAuth",
		"emptyChildrenAreRemoved",
	},
	"disconnect": {
		"theServerDisconnectsTheSocket", "theServerDisconnectsTheConnection", "theClientDisconnects",
		"theClientLeavesOneNamespace", "theClientClosesItsTransport", "theServerClosesTheTransport",
		"theTransportBreaks", "aMessageAboveTheLimit", "anAbortedPoll", "aPingFromTheClient",
		"anUnknownEnginePacket", "anUndecodablePacket", "aPacketForANamespaceNotJoined", "aSecondConnect",
		"theClientComesBack",
	},
	"heartbeat": {"pongsKeepTheConnection", "silenceEndsIt"},
	"recovery": {
		"missedEventsAreDelivered", "severalTimesInARow", "notAfterAnExplicitDisconnect", "notWithAMadeUpSession",
	},
	"deflate": {
		"largeTextIsSmallOnTheWire", "largeBinaryIsSmallOnTheWire", "whatCannotBeCompressedArrives",
		"largeAndSmallKeepTheirOrder", "aRoomGetsOneCompressedMessage",
	},
	"typed": {"callIsAnEventWithAcknowledgement", "errorsAreCoded", "payloadsSpreadOverArguments", "theServerAsksTyped"},
}

// pythonCases are those of peers/python_client.py.
var pythonCases = []string{
	"connects", "auth_reaches_the_server", "values_and_answers", "binary", "the_server_asks", "rooms", "namespaces",
	"refusals", "disconnected_by_the_server", "order",
}

// runCases reports each case that a peer tells of as a subtest, and requires that they were these and no others.
// hint is for who meets a run that broke off.
func runCases(t *testing.T, p *peer, cases []string, hint string) {
	t.Helper()
	var ran []string
	for {
		var result struct{ Name, Error string }
		if !p.next(t, &result) {
			break
		}
		ran = append(ran, result.Name)
		t.Run(result.Name, func(t *testing.T) { require.Empty(t, result.Error) })
	}
	require.NoError(t, p.wait(t), "the run broke off%s", hint)
	require.ElementsMatch(t, cases, ran, "not the cases that are listed in cases_test.go")
}
