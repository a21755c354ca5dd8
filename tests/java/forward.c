/* libonnxruntime under the name and version of an older one, for the Java classes of that one: its two entry points lead
   to a newer library, whose C interface keeps every older version of itself. NEWER is the file's name. */

#include <dlfcn.h>
#include <stddef.h>

static void *in_newer(const char *name) {
  void *newer = dlopen(NEWER, RTLD_NOW | RTLD_LOCAL);
  return newer ? dlsym(newer, name) : NULL;
}

const void *OrtGetApiBase(void) {
  const void *(*base)(void) = (const void *(*)(void))in_newer("OrtGetApiBase");
  return base ? base() : NULL;
}

void *OrtSessionOptionsAppendExecutionProvider_CPU(void *options, int arena) {
  void *(*append)(void *, int) = (void *(*)(void *, int))in_newer("OrtSessionOptionsAppendExecutionProvider_CPU");
  return append ? append(options, arena) : NULL;
}
