import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** A JSON document of Maps, Lists, Strings, Doubles, Booleans and nulls; the text is known to be JSON. */
final class Json {
  private final String text;
  private int at;

  private Json(String text) {
    this.text = text;
  }

  static Object read(String text) {
    return new Json(text).value();
  }

  @SuppressWarnings("unchecked")
  static Map<String, Object> object(Object value) {
    return (Map<String, Object>) value;
  }

  @SuppressWarnings("unchecked")
  static List<Object> list(Object value) {
    return value == null ? List.of() : (List<Object>) value;
  }

  private Object value() {
    char first = next();
    if (first == '{') return members();
    if (first == '[') return items();
    if (first == '"') return string();
    if (first == 't') return word("true", Boolean.TRUE);
    if (first == 'f') return word("false", Boolean.FALSE);
    if (first == 'n') return word("null", null);
    int start = at;
    while (at < text.length() && "+-.eE0123456789".indexOf(text.charAt(at)) >= 0) at++;
    return Double.valueOf(text.substring(start, at));
  }

  private Map<String, Object> members() {
    Map<String, Object> found = new LinkedHashMap<>();
    at++;
    while (next() != '}') {
      if (text.charAt(at) == ',') at++;
      next();
      String name = string();
      next();
      at++; // the colon
      found.put(name, value());
    }
    at++;
    return found;
  }

  private List<Object> items() {
    List<Object> found = new ArrayList<>();
    at++;
    while (next() != ']') {
      if (text.charAt(at) == ',') at++;
      found.add(value());
    }
    at++;
    return found;
  }

  private String string() {
    StringBuilder found = new StringBuilder();
    for (at++; text.charAt(at) != '"'; at++) {
      char c = text.charAt(at);
      if (c == '\\') {
        c = text.charAt(++at);
        if (c == 'u') {
          c = (char) Integer.parseInt(text.substring(at + 1, at + 5), 16);
          at += 4;
        } else {
          int place = "bfnrt".indexOf(c);
          if (place >= 0) c = "\b\f\n\r\t".charAt(place);
        }
      }
      found.append(c);
    }
    at++;
    return found.toString();
  }

  private Object word(String word, Object value) {
    at += word.length();
    return value;
  }

  /** The next character that is no blank; the place stays on it. */
  private char next() {
    while (Character.isWhitespace(text.charAt(at))) at++;
    return text.charAt(at);
  }
}
