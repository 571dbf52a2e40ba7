// Google's in-memory stand-in for Pub/Sub (cloud.google.com/go/pubsub/v2/pstest) as a program, with three things put right
// that the service does and pstest does not:
//
//   - Pull without return_immediately is answered as soon as there is a message. pstest looks twice, half a second apart.
//   - On a subscription with exactly-once delivery, Acknowledge and ModifyAckDeadline fail for an ack id that is no longer
//     the message's, and say so for each id in the error's details. pstest takes them in silence.
//   - Clients may send HTTP/2 pings every ten seconds. A gRPC server in Go closes connections for that unless told.
//
// It has no retry policies, and counts deliveries and moves messages where a subscription has a dead-letter policy.
package main

import (
	"context"
	"flag"
	"fmt"
	"net"
	"os"
	"os/signal"
	"strings"
	"sync"
	"syscall"
	"time"

	pb "cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
	"cloud.google.com/go/pubsub/v2/pstest"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/keepalive"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/emptypb"
)

// How long the service holds a Pull that it has nothing for.
const patience = 90 * time.Second

type fake struct {
	*pstest.GServer
	mu sync.Mutex
	// The leases of subscriptions with exactly-once delivery, by subscription and message.
	leases map[string]map[string]lease
}

type lease struct {
	ackID string
	until time.Time
}

func main() {
	port := flag.Int("port", 8085, "port on 127.0.0.1")
	flag.Parse()
	server := pstest.NewServerWithAddress("127.0.0.1:0")
	listener, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", *port))
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	pings := keepalive.EnforcementPolicy{MinTime: 10 * time.Second, PermitWithoutStream: true}
	const most = 64 * 1024 * 1024
	front := grpc.NewServer(grpc.KeepaliveEnforcementPolicy(pings), grpc.MaxRecvMsgSize(most), grpc.MaxSendMsgSize(most))
	it := &fake{GServer: &server.GServer, leases: map[string]map[string]lease{}}
	pb.RegisterPublisherServer(front, it)
	pb.RegisterSubscriberServer(front, it)
	pb.RegisterSchemaServiceServer(front, it)
	go front.Serve(listener)
	fmt.Println("PUBSUB_EMULATOR_HOST=" + listener.Addr().String())
	end := make(chan os.Signal, 1)
	signal.Notify(end, syscall.SIGTERM, syscall.SIGINT)
	<-end
	front.Stop()
	server.Close()
}

func (f *fake) Pull(ctx context.Context, asked *pb.PullRequest) (*pb.PullResponse, error) {
	until := time.Now().Add(patience)
	once := &pb.PullRequest{Subscription: asked.Subscription, MaxMessages: asked.MaxMessages, ReturnImmediately: true}
	for {
		answer, err := f.GServer.Pull(ctx, once)
		if err != nil {
			return nil, err
		}
		if len(answer.ReceivedMessages) > 0 {
			f.remember(asked.Subscription, answer.ReceivedMessages, 0)
			return answer, nil
		}
		if asked.ReturnImmediately || time.Now().After(until) {
			return answer, nil
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(5 * time.Millisecond):
		}
	}
}

// remembering is a stream that notes what it hands out.
type remembering struct {
	pb.Subscriber_StreamingPullServer
	fake         *fake
	subscription string
	seconds      int32
}

func (f *fake) StreamingPull(stream pb.Subscriber_StreamingPullServer) error {
	return f.GServer.StreamingPull(&remembering{Subscriber_StreamingPullServer: stream, fake: f})
}

func (s *remembering) Recv() (*pb.StreamingPullRequest, error) {
	asked, err := s.Subscriber_StreamingPullServer.Recv()
	if err == nil && asked.Subscription != "" {
		s.subscription, s.seconds = asked.Subscription, asked.StreamAckDeadlineSeconds
	}
	return asked, err
}

func (s *remembering) Send(answer *pb.StreamingPullResponse) error {
	s.fake.remember(s.subscription, answer.ReceivedMessages, s.seconds)
	return s.Subscriber_StreamingPullServer.Send(answer)
}

func (f *fake) Acknowledge(ctx context.Context, asked *pb.AcknowledgeRequest) (*emptypb.Empty, error) {
	valid, refusal := f.check(ctx, asked.Subscription, asked.AckIds, 0)
	answer, err := f.GServer.Acknowledge(ctx, &pb.AcknowledgeRequest{Subscription: asked.Subscription, AckIds: valid})
	if err == nil {
		err = refusal
	}
	return answer, err
}

func (f *fake) ModifyAckDeadline(ctx context.Context, asked *pb.ModifyAckDeadlineRequest) (*emptypb.Empty, error) {
	seconds := asked.AckDeadlineSeconds
	valid, refusal := f.check(ctx, asked.Subscription, asked.AckIds, seconds)
	it := &pb.ModifyAckDeadlineRequest{Subscription: asked.Subscription, AckIds: valid, AckDeadlineSeconds: seconds}
	answer, err := f.GServer.ModifyAckDeadline(ctx, it)
	if err == nil {
		err = refusal
	}
	return answer, err
}

// exactlyOnce returns a subscription with exactly-once delivery, or nil.
func (f *fake) exactlyOnce(ctx context.Context, name string) *pb.Subscription {
	found, err := f.GServer.GetSubscription(ctx, &pb.GetSubscriptionRequest{Subscription: name})
	if err != nil || !found.EnableExactlyOnceDelivery {
		return nil
	}
	return found
}

func message(ackID string) string {
	id, _, _ := strings.Cut(ackID, ":")
	return id
}

func (f *fake) remember(name string, messages []*pb.ReceivedMessage, seconds int32) {
	found := f.exactlyOnce(context.Background(), name)
	if found == nil {
		return
	}
	if seconds == 0 {
		seconds = max(found.AckDeadlineSeconds, 10)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.leases[name] == nil {
		f.leases[name] = map[string]lease{}
	}
	until := time.Now().Add(time.Duration(seconds) * time.Second)
	for _, it := range messages {
		f.leases[name][message(it.AckId)] = lease{it.AckId, until}
	}
}

// check returns the ids that are still a message's, and the error for those that are not. Those that are have their leases
// extended, or ended.
func (f *fake) check(ctx context.Context, name string, ids []string, seconds int32) ([]string, error) {
	if f.exactlyOnce(ctx, name) == nil {
		return ids, nil
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	now := time.Now()
	var valid []string
	refused := map[string]string{}
	for _, id := range ids {
		held, known := f.leases[name][message(id)]
		if !known || held.ackID != id || now.After(held.until) {
			refused[id] = "PERMANENT_FAILURE_INVALID_ACK_ID"
			continue
		}
		valid = append(valid, id)
		if seconds == 0 {
			delete(f.leases[name], message(id))
		} else {
			f.leases[name][message(id)] = lease{id, now.Add(time.Duration(seconds) * time.Second)}
		}
	}
	if len(refused) == 0 {
		return valid, nil
	}
	said := status.New(codes.FailedPrecondition, "Some acknowledgement ids in the request were invalid.")
	detailed, err := said.WithDetails(&errdetails.ErrorInfo{Domain: "pubsub.googleapis.com", Metadata: refused})
	if err != nil {
		return valid, said.Err()
	}
	return valid, detailed.Err()
}
