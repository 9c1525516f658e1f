#pragma once
/* What the two files about sessions share. */
#include "agent/agent_private.h"
#include "net/out_queue.h"
#include "net/stream.h"

/* A stream that outlives its link: doc/PROTOCOL.tunnel.md section 3. The desktop has
 * it as a viewer's stream; below it is one channel's WebSocket after the other. */
struct agent_session {
	struct stream s;     /* first */
	struct agent *agent; /* NULL: it is gone, and this ends with its viewer */
	struct loop *loop;
	struct agent_session *next, *prev;
	struct agent_channel *channel; /* borrowed; NULL while there is no link */
	struct stream *link;           /* owned */
	struct tunnel_resume *resume;
	char channel_id[64], grant[64], user[AGENT_USER_MAX]; /* of the last channel */
	enum tunnel_rights granted;
	uint32_t viewer;
	struct out_queue waiting; /* what the tail has no room for */
	size_t unsent;            /* in the tail, not given to the present link */
	struct loop_timer *ack, *keep;
	struct loop_task end_task, drain_task, feed_task;
	struct buf held; /* from the peer, while the viewer does not read */
	bool reading;
	bool owes_drain; /* it was not empty when last looked at */
	bool calling;    /* the viewer is called, or may be from below */
	bool gone;       /* closed from there */
	bool over;       /* the peer has no more */
};

/* agent_session.c: its upper side */
struct agent_session *agent_session_create(struct agent *a, const struct agent_channel *c);
void agent_session_destroy(struct agent_session *s);
/* Around what may make the viewer close the stream: false when it did, and it is gone. */
void agent_session_call(struct agent_session *s);
bool agent_session_returned(struct agent_session *s);
/* The peer's bytes for the viewer. False: the session is gone. */
bool agent_session_take(struct agent_session *s, const uint8_t *data, size_t n);
/* Acknowledgements come by the link too, so it is read whether the viewer reads or
 * not, until too much is held. */
void agent_session_read_link(struct agent_session *s);
/* Fills the tail and the link; what the link does not take waits for its drain. */
void agent_session_push(struct agent_session *s);
/* The viewer is told of the end by the ready list: nothing may come from inside a call. */
void agent_session_give_up(struct agent_session *s);

/* agent_session_link.c: its lower side */
void agent_session_drop_channel(struct agent_session *s);
void agent_session_on_ack_due(void *session);
