#include "base/mailbox.h"
#include "base/thread.h"

void mailbox_init(struct mailbox *m, void (*wake)(void *ctx), void *wake_ctx) {
    *m = (struct mailbox){ .wake = wake, .wake_ctx = wake_ctx };
    (void)pthread_mutex_init(&m->lock, NULL);
    m->tail = &m->head;
}

void mailbox_fini(struct mailbox *m) { (void)pthread_mutex_destroy(&m->lock); }

void mailbox_post(struct mailbox *m, struct letter *l) {
    l->next = NULL;
    bool was_empty;
    {
        LOCKED(&m->lock);
        was_empty = m->head == NULL;
        *m->tail = l;
        m->tail = &l->next;
    }
    if (was_empty && m->wake)
        m->wake(m->wake_ctx);
}

bool mailbox_drain(struct mailbox *m) {
    struct letter *l;
    {
        LOCKED(&m->lock);
        l = m->head;
        m->head = NULL;
        m->tail = &m->head;
    }
    bool any = l != NULL;
    for (struct letter *next; l; l = next) {
        next = l->next;
        l->open(l);
    }
    return any;
}
