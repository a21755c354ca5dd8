import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeSet;
import java.util.stream.Stream;

/** java Parity BUNDLE CORPUS REPEATS: prints one JSON object, how the answers compare with Python's. */
public final class Parity {
  private static final int DIFFERENCES_TOLD = 5;
  private static final double TOLERANCE = 1e-4;

  private final List<String> micros = new ArrayList<>();
  private final List<String> differences = new ArrayList<>();
  private int requests;
  private int equal;
  private double largest;

  public static void main(String[] arguments) throws Exception {
    long start = System.nanoTime();
    Parity found = new Parity();
    try (Scorer scorer = new Scorer(arguments[0] + "/scorer.onnx", silent(Path.of(arguments[0], "manifest.json")));
        Stream<String> lines = Files.lines(Path.of(arguments[1]))) {
      double loadSeconds = (System.nanoTime() - start) / 1e9;
      for (String line : (Iterable<String>) lines::iterator) found.ask(scorer, line, Integer.parseInt(arguments[2]));
      System.out.write(found.told(loadSeconds).getBytes(StandardCharsets.UTF_8));
      System.out.flush();
    }
  }

  private static boolean[] silent(Path manifest) throws Exception {
    Map<String, Object> kinds = Json.object(Json.object(Json.read(Files.readString(manifest))).get("kinds"));
    boolean[] silent = new boolean[Scorer.KINDS.size()];
    for (int kind = 0; kind < silent.length; kind++)
      silent[kind] = Json.object(kinds.get(Scorer.KINDS.get(kind))).get("threshold") == null;
    return silent;
  }

  private void ask(Scorer scorer, String line, int repeats) throws Exception {
    Map<String, Object> asked = Json.object(Json.read(line));
    Map<String, Object> request = Json.object(asked.get("request"));
    Map<String, Object> wanted = Json.object(asked.get("answer"));
    boolean threshold = (Boolean) asked.get("threshold");
    long quickest = Long.MAX_VALUE;
    Scorer.Answer given = null;
    for (int time = 0; time < repeats; time++) {
      long start = System.nanoTime();
      given = scorer.answer(request, threshold);
      quickest = Math.min(quickest, System.nanoTime() - start);
    }
    micros.add(String.valueOf(quickest / 1000.0));
    requests++;
    double apart = apart(wanted, given);
    if (apart != Double.POSITIVE_INFINITY) {
      equal++;
      largest = Math.max(largest, apart);
    }
    if (apart > TOLERANCE && differences.size() < DIFFERENCES_TOLD)
      differences.add(
          "{\"request_id\":" + quoted(request.get("request_id")) + ",\"wanted\":" + quoted(wanted) + ",\"given\":"
              + quoted(given) + "}");
  }

  /** How far relevances are apart; infinitely where something else is not the same to the letter. */
  private static double apart(Map<String, Object> wanted, Scorer.Answer given) {
    List<Object> offers = Json.list(wanted.get("offers"));
    Map<String, Object> best = Json.object(wanted.get("best_relevance"));
    boolean same =
        offers.size() == given.offers().size()
            && java.util.Objects.equals(wanted.get("reason"), given.reason())
            && ((Double) wanted.get("retrieved")).longValue() == given.retrieved()
            && new TreeSet<>(best.keySet()).equals(given.bestRelevance().keySet());
    double most = 0;
    for (int place = 0; same && place < offers.size(); place++) {
      Map<String, Object> there = Json.object(offers.get(place));
      Scorer.Offer here = given.offers().get(place);
      same =
          here.productId().equals(there.get("product_id"))
              && here.kind().equals(there.get("kind"))
              && java.util.Objects.equals(here.because(), there.get("because"));
      most = Math.max(most, Math.abs((Double) there.get("relevance") - here.relevance()));
    }
    if (!same) return Double.POSITIVE_INFINITY;
    for (Map.Entry<String, Object> kind : best.entrySet())
      most = Math.max(most, Math.abs((Double) kind.getValue() - given.bestRelevance().get(kind.getKey())));
    return most;
  }

  private String told(double loadSeconds) {
    String runtime = "Java " + System.getProperty("java.version") + ", onnxruntime";
    return "{\"runtime\":" + quoted(runtime) + ",\"requests\":" + requests + ",\"equal\":" + equal + ",\"largest\":"
        + largest + ",\"micros\":[" + String.join(",", micros) + "],\"load_seconds\":" + loadSeconds
        + ",\"differences\":[" + String.join(",", differences) + "]}\n";
  }

  private static String quoted(Object value) {
    StringBuilder found = new StringBuilder("\"");
    for (char c : String.valueOf(value).toCharArray())
      found.append(c == '"' || c == '\\' ? "\\" + c : c < ' ' ? String.format("\\u%04x", (int) c) : String.valueOf(c));
    return found.append('"').toString();
  }
}
