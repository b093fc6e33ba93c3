#pragma once
#include <pthread.h>
#include <stdbool.h>
/*
 * Messages from any thread to one owner thread. Letters are intrusive and owned by the sender until
 * posted, by the receiver after; nothing is allocated. First in, first out for each sender.
 */
struct letter {
    struct letter *next;
    void (*open)(struct letter *self); /* runs on the owner's thread; may free the letter */
};
struct mailbox {
    pthread_mutex_t lock;
    struct letter *head, **tail; /* guarded by lock */
    void (*wake)(void *ctx);     /* called after a post to an empty box; any thread */
    void *wake_ctx;
};
void mailbox_init(struct mailbox *m, void (*wake)(void *ctx), void *wake_ctx);
void mailbox_fini(struct mailbox *m);
void mailbox_post(struct mailbox *m, struct letter *l);
/* Opens all letters that are there; false when there was none. Owner only. */
bool mailbox_drain(struct mailbox *m);
