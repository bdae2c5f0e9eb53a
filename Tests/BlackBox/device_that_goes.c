// A PKCS #11 module around another one (DEVICE) that does what the first word of a file (DEVICE_DOES) says:
//   gone    it answers CKR_DEVICE_REMOVED, and until it is opened by a new process: it never recovers
//   away    the same while the file says so; then its slot is seen again after a call of C_GetSlotList without a list
//   hang    no call returns
//   vendor  C_Login answers a code of its vendor, and the sessions are gone

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

typedef unsigned long number;
typedef struct {
    unsigned char version[2];
    void (*functions[68])(void);
} table;

enum { SLOTS = 4, OPEN_SESSION = 12, LOGIN = 18, FIND_INIT = 26, SIGN_INIT = 42, REMOVED = 0x32, NOT_PRESENT = 0xE0 };

static table *device, own;
static int gone, unseen;

static int does(const char *what) {
    char word[8] = "";
    FILE *file = fopen(getenv("DEVICE_DOES"), "r");
    if (file == NULL) return 0;
    if (fgets(word, sizeof word, file) == NULL) word[0] = 0;
    fclose(file);
    return strcmp(word, what) == 0;
}

static number fault(void) {
    while (does("hang")) pause();
    if (does("gone")) gone = 1;
    if (does("away") || does("vendor")) unseen = 1;
    return gone || does("away") ? REMOVED : unseen ? NOT_PRESENT : 0;
}

static number slots(unsigned char present, number *list, number *count) {
    number code = fault();
    if (gone || does("away")) return code;
    if (list == NULL) unseen = 0;
    if (unseen) {
        *count = 0;
        return 0;
    }
    return ((number(*)(unsigned char, number *, number *))device->functions[SLOTS])(present, list, count);
}

static number open_session(number slot, number flags, void *application, void *notify, number *session) {
    number code = fault();
    return code != 0 && !does("vendor") ? code : ((number(*)(number, number, void *, void *, number *))device->functions[OPEN_SESSION])(
        slot, flags, application, notify, session);
}

static number login(number session, number user, unsigned char *pin, number length) {
    if (does("vendor")) return 0x80000001;
    return ((number(*)(number, number, unsigned char *, number))device->functions[LOGIN])(session, user, pin, length);
}

static number find_init(number session, void *list, number count) {
    number code = fault();
    return code != 0 ? code : ((number(*)(number, void *, number))device->functions[FIND_INIT])(session, list, count);
}

static number sign_init(number session, void *mechanism, number key) {
    number code = fault();
    return code != 0 ? code : ((number(*)(number, void *, number))device->functions[SIGN_INIT])(session, mechanism, key);
}

number C_GetFunctionList(table **list) {
    void *module = dlopen(getenv("DEVICE"), RTLD_NOW | RTLD_LOCAL);
    number (*functions)(table **) = module == NULL ? NULL : (number(*)(table **))dlsym(module, "C_GetFunctionList");
    if (functions == NULL || functions(&device) != 0) return 5;
    own = *device;
    own.functions[SLOTS] = (void (*)(void))slots;
    own.functions[OPEN_SESSION] = (void (*)(void))open_session;
    own.functions[LOGIN] = (void (*)(void))login;
    own.functions[FIND_INIT] = (void (*)(void))find_init;
    own.functions[SIGN_INIT] = (void (*)(void))sign_init;
    *list = &own;
    return 0;
}
